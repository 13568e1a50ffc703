#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "checkpoint/safetensors.h"

namespace oko::checkpoint {

/// Tensors of a PyTorch checkpoint: what torch.save writes of a state dict since PyTorch 1.6, a zip
/// archive of a pickle and of storages. Nothing of the pickle is executed: it is read by a machine
/// that knows only tensors (pickle.h). `file` is the whole file, usually mapped; offsets are into
/// it, because torch.save does not compress, and need not be aligned. Several tensors may share
/// bytes. Values that are no tensors, tensors of other dtypes than `Dtype` and tensors without
/// elements are left out. Refused: another format, tensors that are not contiguous, tensors in a
/// dictionary in the dictionary, whatever is damaged. `name` is for messages. Throws kBadModel.
/// Format: PyTorch's torch/serialization.py and torch/_utils.py.
TensorTable parse_torch_checkpoint(std::span<const std::byte> file, std::string_view name);

}  // namespace oko::checkpoint

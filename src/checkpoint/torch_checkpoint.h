#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "checkpoint/safetensors.h"

namespace oko::checkpoint {

/// Tensors of a PyTorch checkpoint: a state dict that torch.save wrote since PyTorch 1.6, a zip
/// archive of a pickle and of storages. Executes nothing of the pickle: its reader knows only
/// tensors (pickle.h). `file` is the whole file, usually mapped; offsets are into it, because
/// torch.save does not compress, and need not be aligned. Several tensors may share bytes. Leaves
/// out values that are no tensors, tensors of other dtypes than `Dtype` and tensors without
/// elements. Refuses another format, tensors that are not contiguous, tensors in a dictionary in
/// the dictionary, and damage. `name` is for messages. Throws kBadModel. Format: PyTorch's
/// torch/serialization.py and torch/_utils.py.
TensorTable parse_torch_checkpoint(std::span<const std::byte> file, std::string_view name);

}  // namespace oko::checkpoint

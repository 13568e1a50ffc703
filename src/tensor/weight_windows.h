#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "checkpoint/safetensors.h"

namespace oko::tensor {

/// How a mapped file is divided into buffers.
struct WindowLimits {
  std::uint64_t max_bytes = 0;  ///< of one buffer
  bool split_parts = false;  ///< whether the parts of a model (model_part.h) get separate buffers
};

/// Bytes [begin, end) of a file, which become one buffer. `begin` is a multiple of
/// `MappedFile::kHeaderBytes`, and so is `end`, or it is the end of the file.
struct Window {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct WindowPlan {
  std::vector<Window> windows;                                ///< in the order of the file
  std::map<std::string, std::size_t, std::less<>> window_of;  ///< the window of each tensor
};

/// Covers the tensors of a file with windows, so that each tensor lies in one window. Neighbouring
/// windows may share a page. One window covers the whole file where the limits allow it. Parts that
/// alternate more than `kMaxPartRuns` times in the file are not separated. Throws kBadModel, with
/// `name`, where one tensor with its pages is larger than `max_bytes`.
WindowPlan plan_windows(const checkpoint::TensorTable& tensors, std::uint64_t file_size,
                        const WindowLimits& limits, std::string_view name);

/// Of a file whose parts are sorted there are three, and as many again for each size of its small
/// odd tensors.
inline constexpr std::size_t kMaxPartRuns = 32;

}  // namespace oko::tensor

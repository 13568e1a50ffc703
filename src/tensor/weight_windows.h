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

/// The division of a mapped file into buffers.
struct WindowLimits {
  std::uint64_t max_bytes = 0;  ///< of one buffer
  bool split_parts = false;     ///< true: the parts of a model (model_part.h) get separate buffers
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

/// Covers the tensors of a file with windows, each tensor with one window. Neighbouring windows may
/// share a page. One window covers the whole file if the limits allow it. Does not separate parts
/// that alternate more than `kMaxPartRuns` times in the file. Throws kBadModel, with `name`, if a
/// tensor with its pages is larger than `max_bytes`.
WindowPlan plan_windows(const checkpoint::TensorTable& tensors, std::uint64_t file_size,
                        const WindowLimits& limits, std::string_view name);

/// The most runs of parts that are separated. A file with sorted parts has three runs, and three
/// more for each size of its small odd tensors.
inline constexpr std::size_t kMaxPartRuns = 32;

}  // namespace oko::tensor

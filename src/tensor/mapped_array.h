#pragma once

#include <mlx/array.h>

#include <memory>

#include "base/mapped_file.h"
#include "tensor/weight_windows.h"

namespace oko::tensor {

namespace mx = mlx::core;

// Chosen by platform: mapped_array_cpu.cpp, mapped_array_metal.cpp.

/// A part of a mapped file as one array of uint64, without a copy; zeros pad the last element of
/// the file. The array keeps the mapping alive. Throws kFailed if the GPU does not take the pages.
mx::array mapped_words(std::shared_ptr<MappedFile> file, const Window& window);

/// The most bytes of one buffer on this machine.
WindowLimits default_window_limits();

}  // namespace oko::tensor

#pragma once

#include <mlx/array.h>

#include <memory>

#include "base/mapped_file.h"

namespace oko::tensor {

namespace mx = mlx::core;

/// A mapped file as one array of uint64, without a copy; the last element is padded with zeros. The
/// array keeps the mapping alive. Chosen by platform: mapped_array_cpu.cpp, mapped_array_metal.cpp.
mx::array mapped_words(std::shared_ptr<MappedFile> file);

}  // namespace oko::tensor

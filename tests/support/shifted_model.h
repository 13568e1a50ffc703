#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace oko {

/// Makes the header of a safetensors file `count` bytes longer, which shifts all tensors.
inline void shift_tensors(const std::filesystem::path& path, std::size_t count) {
  std::ifstream in(path, std::ios::binary);
  std::string file((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GE(file.size(), 8U) << path;
  std::uint64_t size = 0;
  for (int i = 7; i >= 0; --i) {
    size = size << 8 | static_cast<unsigned char>(file[static_cast<std::size_t>(i)]);
  }
  file.insert(8 + size, count, ' ');
  size += count;
  for (int i = 0; i < 8; ++i) {
    file[static_cast<std::size_t>(i)] = static_cast<char>(size >> (8 * i) & 0xFF);
  }
  std::ofstream(path, std::ios::binary).write(file.data(), std::ssize(file));
}

/// Copies a model to `to`, with the tensors of each of its weight files shifted by `count` bytes.
inline void copy_shifted(const std::filesystem::path& from, const std::filesystem::path& to,
                         std::size_t count) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  for (const auto& entry : std::filesystem::directory_iterator(to)) {
    if (entry.path().extension() == ".safetensors") shift_tensors(entry.path(), count);
  }
}

}  // namespace oko

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace oko::server {

/// A folder that requests may have indexed. They name it by its number.
struct LibraryRoot {
  std::int64_t id = 0;           ///< from 1 to 2^31 - 1, of its path: the next start has it, too
  std::string name;              ///< for people: its last name, with those above if two share it
  std::filesystem::path folder;  ///< absolute
};

/// The folders of --root, as `oko index` would be given them, each once.
std::vector<LibraryRoot> library_roots(const std::vector<std::string>& given);

}  // namespace oko::server

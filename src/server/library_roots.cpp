#include "server/library_roots.h"

#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace oko::server {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const std::string& given) {
  fs::path folder = fs::absolute(given).lexically_normal();
  if (!folder.has_filename() && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

/// The last `count` names of a path; the whole path if it has no more.
std::string end_of(const fs::path& path, std::size_t count) {
  fs::path end, above = path;
  for (std::size_t i = 0; i < count; ++i) {
    if (!above.has_relative_path()) return path.string();
    end = end.empty() ? above.filename() : above.filename() / end;
    above = above.parent_path();
  }
  return end.string();
}

/// The fewest last names that no other root has.
std::string name_of(const LibraryRoot& root, const std::vector<LibraryRoot>& all) {
  for (std::size_t count = 1;; ++count) {
    std::string name = end_of(root.folder, count);
    const bool is_shared = std::any_of(all.begin(), all.end(), [&](const LibraryRoot& other) {
      return other.folder != root.folder && end_of(other.folder, count) == name;
    });
    if (!is_shared) return name;
  }
}

std::int64_t id_of(const fs::path& folder, const std::vector<LibraryRoot>& before) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const std::string& path = folder.native();
  std::int64_t id = static_cast<std::int64_t>(::XXH3_64bits(path.data(), path.size()) % kMost) + 1;
  const auto is_taken = [&](const LibraryRoot& root) { return root.id == id; };
  while (std::any_of(before.begin(), before.end(), is_taken)) id = id % kMost + 1;
  return id;
}

}  // namespace

std::vector<LibraryRoot> library_roots(const std::vector<std::string>& given) {
  std::vector<LibraryRoot> roots;
  for (const std::string& each : given) {
    const fs::path folder = folder_of(each);
    const bool is_there = std::any_of(
        roots.begin(), roots.end(), [&](const LibraryRoot& root) { return root.folder == folder; });
    if (!is_there) roots.push_back({.id = id_of(folder, roots), .name = {}, .folder = folder});
  }
  for (LibraryRoot& root : roots) root.name = name_of(root, roots);
  return roots;
}

}  // namespace oko::server

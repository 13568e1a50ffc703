#include "tasks/path_roots.h"

#include <cstddef>
#include <filesystem>
#include <utility>

namespace oko::tasks {

PathRoots::PathRoots(const std::vector<std::string>& paths) {
  for (const std::string& each : paths) {
    std::string root = std::filesystem::absolute(each).lexically_normal().string();
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    paths_.insert(std::move(root));
  }
}

bool PathRoots::contain(const std::string& path) const {
  if (paths_.contains(path) || paths_.contains("/")) return true;
  for (std::size_t end = path.rfind('/'); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    if (paths_.contains(path.substr(0, end))) return true;
  }
  return false;
}

}  // namespace oko::tasks

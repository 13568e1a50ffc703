#pragma once

#include <set>
#include <string>
#include <vector>

namespace oko::tasks {

/// Files and folders as a user gives them. Thousands cost no more than a few.
class PathRoots {
 public:
  explicit PathRoots(const std::vector<std::string>& paths);

  /// True if an absolute path is one of them, or below one.
  bool contain(const std::string& path) const;

  /// Absolute, without "." and "..", and without / at the end.
  const std::set<std::string>& paths() const { return paths_; }

 private:
  std::set<std::string> paths_;
};

}  // namespace oko::tasks

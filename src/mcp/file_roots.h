#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oko::mcp {

/// The folders whose files a client may name. Without any it may name none.
class FileRoots {
 public:
  FileRoots() = default;

  /// The folders of --root. Throws kUsage for one that is not there.
  static FileRoots of_options(const std::vector<std::string>& folders);

  /// The folders that a client names as "file:///..." (MCP, "Roots"); others are left out.
  static FileRoots of_uris(const std::vector<std::string>& uris);

  bool empty() const { return folders_.empty(); }
  const std::vector<std::filesystem::path>& folders() const { return folders_; }

  /// The file that a client names: a path, "~/..." or "file:///...". A relative one is looked for
  /// in each folder. Links and ".." are followed first. Throws kUsage for a file outside, with the
  /// same text whether it is there or not; one inside need not be there.
  std::filesystem::path resolve(std::string_view given) const;

 private:
  bool contains(const std::filesystem::path& path) const;

  std::vector<std::filesystem::path> folders_;  ///< absolute, without links
};

}  // namespace oko::mcp

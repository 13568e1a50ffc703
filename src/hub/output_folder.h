#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/temporary_file.h"
#include "hub/file_lock.h"

namespace oko::hub {

/// An unfinished folder of a model. It has another name in the same parent folder until `keep`, so
/// that a reader never sees half a model. Destroyed before that, it leaves nothing. The next folder
/// made there removes the leftovers of killed processes.
class OutputFolder {
 public:
  /// `path` must not exist, or be an empty folder. Throws kUsage (in use), kFailed.
  explicit OutputFolder(const std::filesystem::path& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  /// The folder for the files.
  const std::filesystem::path& path() const { return working_; }

  void add_json(const std::string& name, const nlohmann::ordered_json& value, int indent = 2);

  /// Throws kFailed.
  void keep();

 private:
  std::filesystem::path path_;
  std::filesystem::path working_;
  std::optional<TemporaryPath> registration_;
  std::vector<std::filesystem::path> made_;  ///< new folders above it, from below
  std::unique_ptr<FileLock> lock_;
};

}  // namespace oko::hub

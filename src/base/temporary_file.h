#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "base/localized_text.h"

namespace oko {

/// The system's folder for temporary files: $TMPDIR, else /tmp. Throws kFailed if it is no folder.
std::filesystem::path temporary_folder();

struct TemporarySlot;

/// While it lives, `remove_temporary_files` removes the unfinished file or folder at its path. It
/// removes nothing itself.
class TemporaryPath {
 public:
  explicit TemporaryPath(const std::filesystem::path& path);
  ~TemporaryPath();
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

 private:
  TemporarySlot* slot_ = nullptr;
};

/// An unfinished file. Its lock tells the user's other processes that it is no leftover of a killed
/// process. Destroyed before `keep_as`, it leaves nothing.
class TemporaryFile {
 public:
  /// Makes a file whose path is `prefix` and six more characters, and removes those of that kind
  /// that killed processes have left. `name` stands for it in messages. Throws kFailed.
  TemporaryFile(const std::filesystem::path& prefix, LocalizedText name);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Throws kFailed.
  void append(std::span<const std::byte> bytes);

  /// Renames it, over a file of that name, and makes it readable for all, once all of it is on the
  /// disk. Throws kFailed; a file of that name is then as it was.
  void keep_as(const std::filesystem::path& path);

 private:
  [[noreturn]] void fail(int error) const;

  LocalizedText name_;
  std::filesystem::path path_;
  int file_ = -1;
  std::optional<TemporaryPath> registration_;
};

/// For a TemporaryFile that becomes `path`: its path, or in the same folder another name if that
/// would be too long.
std::filesystem::path unfinished_prefix(const std::filesystem::path& path);

/// For a process that is about to end without destructors: removes all unfinished files and
/// folders.
void remove_temporary_files() noexcept;

/// The same for a signal handler, which may not look into folders: only files are removed. The next
/// folder that oko makes in the same place removes a folder that is left.
void unlink_temporary_files() noexcept;

}  // namespace oko

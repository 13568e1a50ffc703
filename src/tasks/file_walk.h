#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"

namespace oko::tasks {

/// The name of the files with rules for the walk (IgnoreRules).
inline constexpr const char* kIgnoreFile = ".okoignore";

struct WalkOptions {
  bool hidden = false;                     ///< takes files and folders whose names begin with a dot
  bool follows_links = false;              ///< takes what symbolic links lead to
  std::vector<std::string> excludes = {};  ///< rules (IgnoreRules) of every folder given
  /// Gets each folder before it is listed. Of a file that is given itself, or by a link: its folder
  /// and that of the path without links.
  std::function<void(const std::string& folder)> on_folder = {};
};

struct WalkedFile {
  std::string path;  ///< absolute; bytes as the file system has them
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  ///< since 1970
};

enum class SkipReason {
  kHidden,
  kIgnored,      ///< by a rule
  kLink,         ///< a symbolic link
  kProgram,      ///< a folder of a program, such as node_modules or an .app
  kUnreadable,   ///< the system refuses it
  kSpecial,      ///< a device, a pipe, a socket
  kUnknownKind,  ///< oko reads no such files
  kEmpty,
  kSidecar,  ///< words about a picture beside it
};

/// "hidden", "ignored", ...
const char* name_of(SkipReason reason);

struct SkippedFile {
  std::string path;
  SkipReason reason = SkipReason::kHidden;
  LocalizedText why = {};  ///< of kUnreadable: the system's reason
};

/// The regular files in folders, and in theirs, by rising path. A path that is given itself is
/// taken whatever rules say. Of a Photos library only the originals. Each file is there once, by
/// the first of its paths: without links, below one of `paths` that is or has a link, by a link to
/// a folder, by a link to the file; of several of a kind by the least. A hard link is a file of its
/// own. `on_skipped` gets what is left out, a folder once for all that is in it. Throws kNotFound
/// for a path that does not exist, kBadInput for one that cannot be read or is a pipe or device,
/// kCancelled.
std::vector<WalkedFile> walk_files(const std::vector<std::string>& paths,
                                   const WalkOptions& options,
                                   const std::function<void(const SkippedFile&)>& on_skipped,
                                   const StopToken& stop);

}  // namespace oko::tasks

#include "tasks/file_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/file_identity.h"
#include "base/lower_case.h"
#include "base/system_reason.h"
#include "tasks/ignore_rules.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxIgnoreBytes = 1'000'000;

/// Folders that hold a program's own files, not a person's.
bool is_of_program(const fs::path& folder) {
  constexpr std::array<std::string_view, 3> kNames{"node_modules", "__pycache__", "venv"};
  constexpr std::array<std::string_view, 6> kEndings{".app",    ".framework", ".bundle",
                                                     ".plugin", ".xcodeproj", ".lproj"};
  const std::string name = lower_case(folder.filename().string());
  const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kEndings.begin(), kEndings.end(), ends);
}

/// The folder of originals of a Photos library; the others have smaller copies of them.
bool is_beside_originals(const fs::path& folder) {
  return folder.parent_path().extension() == ".photoslibrary" && folder.filename() != "originals";
}

bool is_sidecar(const fs::path& file) {
  return lower_case(file.extension().string()) == ".xmp";
}

/// Walks without recursion: a tree may be deep.
class Walk {
 public:
  Walk(const WalkOptions& options, const std::function<void(const SkippedFile&)>& on_skipped,
       const StopToken& stop)
      : options_(options), on_skipped_(on_skipped), stop_(stop) {}

  void visit(const std::string& given) {
    const fs::path path = absolute(given);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) fail(given, errno);
    if (S_ISDIR(info.st_mode)) {
      std::string excludes;
      for (const std::string& each : options_.excludes) excludes += each + "\n";
      rules_.add(path.string(), excludes);
      enter(path);
    } else if (S_ISREG(info.st_mode)) {
      if (options_.on_folder) options_.on_folder(path.parent_path().string());
      add_file(path, info);
    } else {
      throw Error(ErrorCode::kBadInput,
                  tr("{}: is neither a file nor a folder", "{}: это не файл и не папка", given));
    }
    list_folders(path);
  }

  /// Takes what links lead to, after all else: what has a path of its own keeps that.
  void follow_links() {
    while (!links_.empty()) {
      const fs::path link = std::move(links_.extract(links_.begin()).value());
      struct stat info {};
      if (::stat(link.c_str(), &info) != 0) {
        skip(link, SkipReason::kUnreadable, system_reason(errno));
      } else {
        add_entry(link, info, /*is_link=*/true);
        list_folders({});
      }
    }
  }

  std::vector<WalkedFile> files() && {
    std::sort(files_.begin(), files_.end(),
              [](const WalkedFile& a, const WalkedFile& b) { return a.path < b.path; });
    const auto last =
        std::unique(files_.begin(), files_.end(),
                    [](const WalkedFile& a, const WalkedFile& b) { return a.path == b.path; });
    files_.erase(last, files_.end());
    return std::move(files_);
  }

 private:
  /// Without "." and "..", and without / at the end, so that a file has one path.
  static fs::path absolute(const std::string& given) {
    std::error_code error;
    fs::path path = fs::absolute(given, error).lexically_normal();
    if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
    return path;
  }

  [[noreturn]] static void fail(const std::string& path, int error) {
    const bool is_missing = error == ENOENT || error == ENOTDIR;
    throw Error(
        is_missing ? ErrorCode::kNotFound : ErrorCode::kBadInput,
        is_missing
            ? tr("{}: no such file or folder", "{}: нет такого файла или папки", path)
            : tr("{}: cannot be read: {}", "{}: не читается: {}", path, system_reason(error)));
  }

  void skip(const fs::path& path, SkipReason reason, LocalizedText why = {}) const {
    if (on_skipped_) on_skipped_({path.string(), reason, std::move(why)});
  }

  /// Adds a folder unless it was visited, by another path or by a link.
  void enter(const fs::path& folder) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (error) {
      skip(folder, SkipReason::kUnreadable, system_reason(error));
    } else if (visited_.insert(real).second) {
      folders_.push_back(folder);
    }
  }

  void list_folders(const fs::path& given) {
    while (!folders_.empty()) {
      const fs::path folder = std::move(folders_.back());
      folders_.pop_back();
      list(folder, folder == given);
    }
  }

  void list(const fs::path& folder, bool is_given) {
    if (options_.on_folder) options_.on_folder(folder.string());
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    if (error && is_given) fail(folder.string(), error.value());
    if (!error) read_rules(folder);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      throw_if_stopped(stop_);
      add(entry->path());
    }
    if (error) skip(folder, SkipReason::kUnreadable, system_reason(error));
  }

  void read_rules(const fs::path& folder) {
    const fs::path file = folder / kIgnoreFile;
    if (!has_entry(file)) return;
    try {
      rules_.add(folder.string(), read_file(file, kMaxIgnoreBytes, ErrorCode::kBadInput));
    } catch (const Error& error) {
      skip(file, SkipReason::kUnreadable, error.message());
    }
  }

  void add(const fs::path& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno != ENOENT) skip(path, SkipReason::kUnreadable, system_reason(errno));
      return;  // else it has gone meanwhile
    }
    if (!options_.hidden && path.filename().string().starts_with('.')) {
      skip(path, SkipReason::kHidden);
      return;
    }
    if (S_ISLNK(info.st_mode)) {
      if (options_.follows_links) {
        links_.insert(path);
      } else {
        skip(path, SkipReason::kLink);
      }
      return;
    }
    add_entry(path, info, /*is_link=*/false);
  }

  void add_entry(const fs::path& path, const struct stat& info, bool is_link) {
    const bool is_folder = S_ISDIR(info.st_mode);
    if (rules_.ignores(path.string(), is_folder)) {
      skip(path, SkipReason::kIgnored);
    } else if (is_folder && (is_of_program(path) || is_beside_originals(path))) {
      skip(path, SkipReason::kProgram);
    } else if (is_folder) {
      enter(path);
    } else if (S_ISREG(info.st_mode) && is_sidecar(path)) {
      skip(path, SkipReason::kSidecar);
    } else if (S_ISREG(info.st_mode)) {
      if (!is_link || !places_.contains(place_of(info))) add_file(path, info);
    } else {
      skip(path, SkipReason::kSpecial);
    }
  }

  void add_file(const fs::path& path, const struct stat& info) {
    const FileIdentity identity = identity_of(info);
    files_.push_back({path.string(), identity.size, identity.modified_ns});
    if (options_.follows_links) places_.insert(place_of(info));
  }

  static std::pair<dev_t, ino_t> place_of(const struct stat& info) {
    return {info.st_dev, info.st_ino};
  }

  const WalkOptions& options_;
  const std::function<void(const SkippedFile&)>& on_skipped_;
  StopToken stop_;
  IgnoreRules rules_;
  std::vector<WalkedFile> files_;
  std::vector<fs::path> folders_;  ///< to be listed
  std::set<fs::path> visited_;
  std::set<fs::path> links_;                  ///< to be followed
  std::set<std::pair<dev_t, ino_t>> places_;  ///< of `files_` on the disk, if links are followed
};

}  // namespace

const char* name_of(SkipReason reason) {
  switch (reason) {
    case SkipReason::kHidden:
      return "hidden";
    case SkipReason::kIgnored:
      return "ignored";
    case SkipReason::kLink:
      return "link";
    case SkipReason::kProgram:
      return "program";
    case SkipReason::kUnreadable:
      return "unreadable";
    case SkipReason::kSpecial:
      return "special";
    case SkipReason::kUnknownKind:
      return "unknown_kind";
    case SkipReason::kEmpty:
      return "empty";
    case SkipReason::kSidecar:
      return "sidecar";
  }
  return "";
}

std::vector<WalkedFile> walk_files(const std::vector<std::string>& paths,
                                   const WalkOptions& options,
                                   const std::function<void(const SkippedFile&)>& on_skipped,
                                   const StopToken& stop) {
  Walk walk(options, on_skipped, stop);
  for (const std::string& path : paths) walk.visit(path);
  walk.follow_links();
  return std::move(walk).files();
}

}  // namespace oko::tasks

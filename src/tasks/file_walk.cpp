#include "tasks/file_walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
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

  /// A file keeps the first path that leads to it, so those without links come first.
  void visit(const std::vector<std::string>& given) {
    std::vector<Start> starts;
    starts.reserve(given.size());
    for (const std::string& each : given) starts.push_back(start_of(each));
    std::sort(starts.begin(), starts.end(), [](const Start& a, const Start& b) {
      return std::tie(a.is_by_link, a.is_folder, a.path) <
             std::tie(b.is_by_link, b.is_folder, b.path);
    });
    for (const Start& each : starts) {
      if (each.is_folder) {
        visit_folder(each.path);
      } else {
        add_single(each.path);
      }
    }
  }

  /// Takes what links lead to, after all else: first folders, then files.
  void follow_links() {
    std::set<fs::path> to_files;
    while (!links_.empty()) {
      const fs::path link = std::move(links_.extract(links_.begin()).value());
      struct stat info {};
      if (::stat(link.c_str(), &info) != 0) {
        skip(link, SkipReason::kUnreadable, system_reason(errno));
      } else if (S_ISREG(info.st_mode)) {
        to_files.insert(link);
      } else if (takes(link, info.st_mode)) {
        enter(link);
        list_folders({});
      }
    }
    for (const fs::path& link : to_files) {
      if (takes(link, S_IFREG)) add_single(link);
    }
  }

  std::vector<WalkedFile> files() && {
    for (auto& [real, file] : singles_) files_.push_back(std::move(file));
    are_sorted_ = false;
    sort_files();
    const auto last =
        std::unique(files_.begin(), files_.end(),
                    [](const WalkedFile& a, const WalkedFile& b) { return a.path == b.path; });
    files_.erase(last, files_.end());  // a folder that changes may name one twice
    return std::move(files_);
  }

 private:
  /// What the walk is asked for.
  struct Start {
    bool is_by_link = false;
    bool is_folder = false;
    fs::path path;
  };

  struct Folder {
    fs::path path;
    fs::path real;  ///< without links
  };

  static Start start_of(const std::string& given) {
    const fs::path path = absolute(given);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) fail(given, errno);
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
      throw Error(ErrorCode::kBadInput,
                  tr("{}: is neither a file nor a folder", "{}: это не файл и не папка", given));
    }
    std::error_code error;
    const bool is_by_link = fs::canonical(path, error) != path;
    return {is_by_link, S_ISDIR(info.st_mode), path};
  }

  void visit_folder(const fs::path& path) {
    std::string excludes;
    for (const std::string& each : options_.excludes) excludes += each + "\n";
    rules_.add(path.string(), excludes);
    enter(path);
    list_folders(path);
  }

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
    } else if (visited_.emplace(real, folder).second) {
      folders_.push_back({folder, real});
    }
  }

  void list_folders(const fs::path& given) {
    while (!folders_.empty()) {
      const Folder folder = std::move(folders_.back());
      folders_.pop_back();
      list(folder, folder.path == given);
    }
  }

  void list(const Folder& listed, bool is_given) {
    const fs::path& folder = listed.path;
    if (options_.on_folder) options_.on_folder(folder.string());
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    if (error && is_given) fail(folder.string(), error.value());
    if (!error) read_rules(folder);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      throw_if_stopped(stop_);
      add(entry->path(), listed);
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

  void add(const fs::path& path, const Folder& folder) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
      if (errno != ENOENT) skip(path, SkipReason::kUnreadable, system_reason(errno));
      return;  // else it has gone meanwhile
    }
    if (!options_.hidden && path.filename().string().starts_with('.')) {
      skip(path, SkipReason::kHidden);
    } else if (S_ISLNK(info.st_mode) && options_.follows_links) {
      links_.insert(path);
    } else if (S_ISLNK(info.st_mode)) {
      skip(path, SkipReason::kLink);
    } else if (!takes(path, info.st_mode)) {
      return;
    } else if (S_ISDIR(info.st_mode)) {
      enter(path);
    } else if (!singles_.contains(folder.real / path.filename())) {
      files_.push_back(walked(path, info));
      are_sorted_ = false;
    }
  }

  /// False, and tells why, for what is left out.
  bool takes(const fs::path& path, mode_t mode) const {
    const bool is_folder = S_ISDIR(mode);
    std::optional<SkipReason> reason;
    if (rules_.ignores(path.string(), is_folder)) {
      reason = SkipReason::kIgnored;
    } else if (is_folder && (is_of_program(path) || is_beside_originals(path))) {
      reason = SkipReason::kProgram;
    } else if (S_ISREG(mode) && is_sidecar(path)) {
      reason = SkipReason::kSidecar;
    } else if (!is_folder && !S_ISREG(mode)) {
      reason = SkipReason::kSpecial;
    }
    if (reason) skip(path, *reason);
    return !reason;
  }

  /// Takes a file that is given itself, or by a link to it, unless it is among the files.
  void add_single(const fs::path& path) {
    throw_if_stopped(stop_);
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (!error && options_.on_folder) {
      for (const fs::path& each : {path, real}) options_.on_folder(each.parent_path().string());
    }
    struct stat info {};
    if (error || ::stat(path.c_str(), &info) != 0) {
      skip(path, SkipReason::kUnreadable, system_reason(error ? error.value() : errno));
    } else if (!is_listed(real)) {
      singles_.emplace(real, walked(path, info));
    }
  }

  /// True for a file that was taken with its folder.
  bool is_listed(const fs::path& real) {
    const auto folder = visited_.find(real.parent_path());
    if (folder == visited_.end()) return false;
    sort_files();
    const std::string path = (folder->second / real.filename()).string();
    const auto file =
        std::lower_bound(files_.begin(), files_.end(), path,
                         [](const WalkedFile& a, const std::string& b) { return a.path < b; });
    return file != files_.end() && file->path == path;
  }

  void sort_files() {
    if (std::exchange(are_sorted_, true)) return;
    std::sort(files_.begin(), files_.end(),
              [](const WalkedFile& a, const WalkedFile& b) { return a.path < b.path; });
  }

  static WalkedFile walked(const fs::path& path, const struct stat& info) {
    const FileIdentity identity = identity_of(info);
    return {path.string(), identity.size, identity.modified_ns};
  }

  const WalkOptions& options_;
  const std::function<void(const SkippedFile&)>& on_skipped_;
  StopToken stop_;
  IgnoreRules rules_;
  std::vector<WalkedFile> files_;  ///< of folders
  bool are_sorted_ = true;
  std::map<fs::path, WalkedFile> singles_;  ///< others, by their paths without links
  std::vector<Folder> folders_;             ///< to be listed
  std::map<fs::path, fs::path> visited_;    ///< folders, by their paths without links
  std::set<fs::path> links_;                ///< to be followed
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
  walk.visit(paths);
  walk.follow_links();
  return std::move(walk).files();
}

}  // namespace oko::tasks

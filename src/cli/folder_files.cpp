#include "cli/folder_files.h"

#include <algorithm>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "base/system_reason.h"
#include "document/pdf.h"
#include "image/sniff.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

bool has_extension(const fs::path& file) {
  return image::is_named_as_picture(file) || lower_case(file.extension().string()) == ".pdf";
}

bool is_readable(const fs::path& file) {
  try {
    const InputFile input(file, ErrorCode::kBadInput);
    constexpr std::size_t kHead = 64;
    const std::string head = input.part(0, kHead);
    return image::sniff(std::as_bytes(std::span(head))) || document::is_pdf(input);
  } catch (const Error&) {
    return false;
  }
}

/// Walks through a folder without recursion: a tree may be deep.
class Walk {
 public:
  explicit Walk(const StopToken& stop) : stop_(stop) {}

  void visit(const fs::path& root) {
    enter(root);
    while (!folders_.empty() || !links_.empty()) {
      if (folders_.empty()) {  // links last: the files of a folder have its own name
        enter(*links_.begin());
        links_.erase(links_.begin());
        continue;
      }
      const fs::path folder = std::move(folders_.back());
      folders_.pop_back();
      list(folder);
    }
    std::sort(files.begin(), files.end());
  }

  std::vector<fs::path> files;
  std::vector<std::pair<std::string, Error>> unreadable;

 private:
  /// Adds a folder unless it was visited, by another path or by a link.
  void enter(const fs::path& folder) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    if (!error && visited_.insert(real).second) folders_.push_back(folder);
  }

  void list(const fs::path& folder) {
    std::error_code error;
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      throw_if_stopped(stop_);
      add(*entry);
    }
    if (!error) return;
    const LocalizedText reason = system_reason(error);
    unreadable.emplace_back(
        folder.string(), Error(ErrorCode::kBadInput,
                               tr("{}: the folder cannot be read: {}", "{}: папка не читается: {}",
                                  folder.string(), reason),
                               tr("check the folder's permissions", "проверьте права на папку")));
  }

  void add(const fs::directory_entry& entry) {
    const fs::path& path = entry.path();
    if (path.filename().string().starts_with('.')) return;
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      entry.is_symlink(ignored) ? static_cast<void>(links_.insert(path)) : enter(path);
    } else if (entry.is_regular_file(ignored) && (has_extension(path) || is_readable(path))) {
      files.push_back(path);
    }
  }

  StopToken stop_;
  std::vector<fs::path> folders_;  ///< to be listed
  std::set<fs::path> links_;       ///< to folders, to be followed
  std::set<fs::path> visited_;
};

}  // namespace

FolderFiles pictures_in(const fs::path& folder, const StopToken& stop) {
  Walk walk(stop);
  walk.visit(folder);
  if (walk.files.empty() && !walk.unreadable.empty()) throw walk.unreadable.front().second;
  if (walk.files.empty()) {
    throw Error(ErrorCode::kNotFound,
                tr("{}: the folder has no pictures and no PDF",
                   "{}: в папке нет ни картинок, ни PDF", folder.string()),
                tr("JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP and PDF are looked for, in its "
                   "folders, too, but not in hidden ones",
                   "ищутся JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP и PDF, в том числе во "
                   "вложенных папках, но не в скрытых"));
  }
  FolderFiles found{.files = {}, .unreadable = std::move(walk.unreadable)};
  found.files.reserve(walk.files.size());
  for (const fs::path& file : walk.files) found.files.push_back(file.string());
  return found;
}

}  // namespace oko::cli

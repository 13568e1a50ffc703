#include "mcp/file_roots.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/percent_encoding.h"
#include "base/text_escape.h"

namespace oko::mcp {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileScheme = "file://";

/// An absolute path without links, "." and "..". Parts that are not there, or may not be looked at,
/// stay as they are, so that the result does not tell which are. Nothing: too many links.
std::optional<fs::path> without_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as Linux has
  std::vector<fs::path> rest;     // the next part is the last
  const auto push = [&](const fs::path& more) {
    const std::vector<fs::path> parts(more.begin(), more.end());
    rest.insert(rest.end(), parts.rbegin(), parts.rend());
  };
  push(path);
  fs::path done = "/";
  int links = 0;
  while (!rest.empty()) {
    const fs::path part = std::move(rest.back());
    rest.pop_back();
    if (part.empty() || part == "." || part == "/") continue;
    if (part == "..") {
      done = done.parent_path();
      continue;
    }
    std::error_code error;
    const fs::path target = fs::read_symlink(done / part, error);
    if (error) {
      done /= part;
      continue;
    }
    if (++links > kMostLinks) return std::nullopt;
    if (target.is_absolute()) done = "/";
    push(target);
  }
  return done;
}

/// The path of "file:///a%20b" or "file://localhost/a"; nothing for others.
std::optional<std::string> path_of_uri(std::string_view uri) {
  uri.remove_prefix(kFileScheme.size());
  constexpr std::string_view kHost = "localhost";
  if (uri.starts_with(kHost)) uri.remove_prefix(kHost.size());
  std::optional<std::string> path = percent_decoded(uri);
  if (!path || !path->starts_with('/') || path->find('\0') != std::string::npos) return {};
  return path;
}

std::optional<fs::path> folder_of(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  if (error || !fs::is_directory(absolute, error)) return std::nullopt;
  return without_links(absolute);
}

std::string with_home(std::string_view given) {
  const char* home = std::getenv("HOME");
  if (!given.starts_with("~/") || home == nullptr) return std::string(given);
  return home + std::string(given.substr(1));
}

[[noreturn]] void refuse_outside(std::string_view given) {
  throw Error(ErrorCode::kUsage,
              tr("{}: is outside of the folders that oko may read",
                 "{}: вне папок, которые oko разрешено читать", excerpt(given)),
              tr("the user allows a folder by starting oko with --root FOLDER",
                 "пользователь разрешит папку, запустив oko с --root ПАПКА"));
}

}  // namespace

FileRoots FileRoots::of_options(const std::vector<std::string>& folders) {
  FileRoots roots;
  for (const std::string& given : folders) {
    std::optional<fs::path> folder = folder_of(given);
    if (!folder) {
      throw Error(ErrorCode::kUsage,
                  tr("--root {}: is not a folder", "--root {}: такой папки нет", given));
    }
    roots.folders_.push_back(*std::move(folder));
  }
  return roots;
}

FileRoots FileRoots::of_uris(const std::vector<std::string>& uris) {
  FileRoots roots;
  for (const std::string& uri : uris) {
    if (!uri.starts_with(kFileScheme)) continue;
    const std::optional<std::string> path = path_of_uri(uri);
    if (!path) continue;
    if (std::optional<fs::path> folder = folder_of(*path)) {
      roots.folders_.push_back(*std::move(folder));
    }
  }
  return roots;
}

bool FileRoots::contains(const fs::path& path) const {
  return std::any_of(folders_.begin(), folders_.end(), [&](const fs::path& folder) {
    // "/" has an empty part behind it in no path here.
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
           folder.end();
  });
}

fs::path FileRoots::resolve(std::string_view given) const {
  std::optional<std::string> text = with_home(given);
  if (given.starts_with(kFileScheme)) text = path_of_uri(given);
  if (!text || text->empty() || text->find('\0') != std::string::npos) refuse_outside(given);
  const fs::path path(*text);
  std::optional<fs::path> first;
  for (const fs::path& folder : folders_) {
    std::optional<fs::path> file = without_links(path.is_absolute() ? path : folder / path);
    if (!file || !contains(*file)) continue;
    std::error_code error;
    if (path.is_absolute() || fs::exists(*file, error)) return *file;
    if (!first) first = std::move(file);
  }
  if (!first) refuse_outside(given);
  return *first;
}

}  // namespace oko::mcp

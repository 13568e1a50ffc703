#include "hub/hugging_face_cache.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "checkpoint/checkpoint_files.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

fs::path home() {
  if (const auto own = environment("HOME")) return *own;
  const passwd* user = ::getpwuid(::getuid());
  return user == nullptr || user->pw_dir == nullptr ? "/" : user->pw_dir;
}

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Replaces "$NAME" and "${NAME}"; unset names stay, as in Python's expandvars.
std::string expand_variables(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool braced = text.substr(at).starts_with("${");
    const std::size_t first = at + (braced ? 2 : 1);
    std::size_t last = first;
    while (text[at] == '$' && last < text.size() && is_name_letter(text[last])) ++last;
    const bool closed = !braced || (last < text.size() && text[last] == '}');
    const std::string name(text[at] == '$' && closed ? text.substr(first, last - first) : "");
    const auto value = name.empty() ? std::nullopt : environment(name);
    const std::size_t next = value ? last + (braced ? 1 : 0) : at + 1;
    result += value ? *value : std::string(text.substr(at, 1));
    at = next;
  }
  return result;
}

/// The snapshot that refs/main names; empty if it names none.
std::string main_revision(const fs::path& repository) {
  constexpr std::uint64_t kMaxBytes = 4096;
  try {
    std::string revision = read_file(repository / "refs" / "main", kMaxBytes, ErrorCode::kBadModel);
    revision.erase(revision.find_last_not_of(" \t\r\n") + 1);
    const bool plain = revision.find('/') == std::string::npos && revision != "..";
    return plain ? revision : "";
  } catch (const Error&) {
    return {};
  }
}

/// The snapshots that have a config.json: that of refs/main, then the newest.
std::vector<fs::path> snapshots_of(const fs::path& repository) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", error)) {
    if (!fs::is_regular_file(entry.path() / "config.json", error)) continue;
    found.emplace_back(entry.last_write_time(error), entry.path());
  }
  const std::string main = main_revision(repository);
  const auto is_main = [&](const auto& snapshot) { return snapshot.second.filename() == main; };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
    return is_main(a) != is_main(b) ? is_main(a) : a > b;
  });
  std::vector<fs::path> paths;
  paths.reserve(found.size());
  for (auto& [time, path] : found) paths.push_back(std::move(path));
  return paths;
}

}  // namespace

fs::path expand_path(const std::string& text) {
  if (text == "~") return home();
  if (text.starts_with("~/")) return home() / expand_variables(text.substr(2));
  return expand_variables(text);
}

fs::path hugging_face_home() {
  if (const auto home = environment("HF_HOME")) return expand_path(*home);
  const auto caches = environment("XDG_CACHE_HOME");
  return (caches ? expand_path(*caches) : home() / ".cache") / "huggingface";
}

fs::path hugging_face_cache() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto cache = environment(name)) return expand_path(*cache);
  }
  return hugging_face_home() / "hub";
}

fs::path cache_folder_of(const std::string& name) {
  std::string folder = "models--" + name;
  for (std::size_t at = folder.find('/'); at != std::string::npos; at = folder.find('/')) {
    folder.replace(at, 1, "--");
  }
  return hugging_face_cache() / folder;
}

std::optional<fs::path> find_snapshot(const std::string& name) {
  return snapshot_of(cache_folder_of(name));
}

std::optional<fs::path> snapshot_of(const fs::path& repository) {
  std::error_code ignored;
  if (!fs::is_directory(repository / "snapshots", ignored)) return std::nullopt;
  const std::vector<fs::path> snapshots = snapshots_of(repository);
  const auto whole = std::find_if(snapshots.begin(), snapshots.end(), checkpoint::is_whole_model);
  if (whole != snapshots.end()) return *whole;
  if (!snapshots.empty()) return snapshots.front();
  throw Error(ErrorCode::kBadModel,
              tr("{}: no snapshot has a config.json", "{}: ни в одном снимке нет config.json",
                 repository.string()),
              tr("the download is incomplete: download the model again with Hugging Face's tools",
                 "загрузка не завершена: скачайте модель заново средствами Hugging Face"));
}

bool is_main_snapshot(const fs::path& snapshot) {
  return snapshot.parent_path().filename() == "snapshots" &&
         snapshot.filename() == main_revision(snapshot.parent_path().parent_path());
}

}  // namespace oko::hub

#include "tasks/library_paths.h"

#include <fmt/format.h>

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/percent_encoding.h"
#include "tasks/path_roots.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPathsKey = "paths";

/// A line of ASCII: names of files may have line breaks and bytes that are no UTF-8.
std::string line_of(std::string_view path) {
  std::string line;
  for (const char c : path) {
    const bool is_plain = c > ' ' && c < '\x7f' && c != '%';
    line += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return line + '\n';
}

std::vector<std::string> paths_of(std::string_view lines) {
  std::vector<std::string> paths;
  std::size_t at = 0;
  for (std::size_t end; (end = lines.find('\n', at)) != std::string_view::npos; at = end + 1) {
    auto path = percent_decoded(lines.substr(at, end - at));
    if (path) paths.push_back(*std::move(path));
  }
  return paths;
}

void set_lines(index::Store& store, const std::string& lines) {
  if (lines == store.note(kPathsKey)) return;
  store.set_note(kPathsKey, lines);
  store.commit();
}

}  // namespace

bool is_there(const std::string& path) {
  std::error_code error;
  return fs::status(path, error).type() != fs::file_type::not_found;
}

std::vector<std::string> library_paths(index::Store& store) {
  return paths_of(store.note(kPathsKey));
}

std::vector<std::string> library_paths(const std::map<std::string, std::string>& notes) {
  const auto note = notes.find(std::string(kPathsKey));
  return note == notes.end() ? std::vector<std::string>() : paths_of(note->second);
}

void remember_paths(index::Store& store, const std::vector<std::string>& paths) {
  std::vector<std::string> all = library_paths(store);
  all.insert(all.end(), paths.begin(), paths.end());
  std::string lines;
  const PathRoots roots(all);
  for (const std::string& path : roots.paths()) {
    const std::string parent = fs::path(path).parent_path().string();
    const bool is_inner = parent != path && roots.contain(parent);
    if (!is_inner) lines += line_of(path);
  }
  set_lines(store, lines);
}

void forget_gone_paths(index::Store& store, const std::vector<std::string>& paths) {
  const PathRoots roots(paths);
  std::string lines;
  for (const std::string& path : library_paths(store)) {
    if (is_there(path) || !roots.contain(path)) lines += line_of(path);
  }
  set_lines(store, lines);
}

}  // namespace oko::tasks

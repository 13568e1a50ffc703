#include "cli/nothing_found.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "base/text_escape.h"
#include "cli/terminal.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFolders = 5;

std::ptrdiff_t depth_of(const fs::path& path) {
  return std::distance(path.begin(), path.end());
}

/// Leaves out folders that lie in others.
std::set<fs::path> without_inner(const std::set<fs::path>& folders) {
  std::set<fs::path> outer;
  for (const fs::path& folder : folders) {
    const auto contains = [&](const fs::path& other) {
      return std::mismatch(other.begin(), other.end(), folder.begin(), folder.end()).first ==
             other.end();
    };
    if (std::none_of(outer.begin(), outer.end(), contains)) outer.insert(folder);
  }
  return outer;
}

/// At most kMostFolders folders in which all others lie.
std::set<fs::path> few_folders(std::set<fs::path> folders) {
  folders = without_inner(folders);
  while (folders.size() > kMostFolders) {
    std::ptrdiff_t deepest = 0;
    for (const fs::path& folder : folders) deepest = std::max(deepest, depth_of(folder));
    std::set<fs::path> parents;
    for (const fs::path& folder : folders) {
      parents.insert(depth_of(folder) == deepest ? folder.parent_path() : folder);
    }
    folders = without_inner(parents);
  }
  return folders;
}

}  // namespace

void say_nothing_found(index::Store& store, const index::Filter& filter) {
  const index::Filter place{.path = filter.path};
  bool has_any = filter.path.empty();
  std::set<fs::path> folders;
  if (!has_any) {
    store.visit_documents([&](const index::KnownDocument& known) {
      has_any |= index::matches(place, known.document);
      folders.insert(fs::path(known.document.path).parent_path());
    });
  }
  if (has_any || folders.empty()) {
    say_note(words("nothing was found", "ничего не найдено"));
    return;
  }
  std::string names;
  for (const fs::path& folder : few_folders(std::move(folders))) {
    names += (names.empty() ? "" : ", ") + folder.string();
  }
  say_note(tr("no file of {} is indexed; the library has files of {}",
              "файлов из {} в библиотеке нет; есть файлы из {}", filter.path, names));
}

}  // namespace oko::cli

#include "cli/near_path.h"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "cli/closest.h"

namespace oko::cli {

namespace fs = std::filesystem;

std::string nearest_path(const std::string& path, EntryKind kind) {
  const fs::path given = path;
  const fs::path named = given.has_filename() ? given : given.parent_path();
  const fs::path folder = named.parent_path();
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder.empty() ? "." : folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    std::string name = entry->path().filename().string();
    const bool is_meant = kind == EntryKind::kAny || entry->is_directory(ignored);
    if (name.size() > 1 && !name.starts_with('.') && is_meant) names.push_back(std::move(name));
  }
  const std::string nearest = closest(named.filename().string(), names);
  return nearest.empty() ? nearest : (folder / nearest).string();
}

Error with_nearest_path(const Error& error, const std::string& path) {
  if (error.code() != ErrorCode::kNotFound || has_entry(path)) return error;
  const std::string nearest = nearest_path(path, EntryKind::kAny);
  if (nearest.empty()) return error;
  return {error.code(), error.message(),
          tr("did you mean {}?", "может быть, {}?", excerpt(nearest))};
}

}  // namespace oko::cli

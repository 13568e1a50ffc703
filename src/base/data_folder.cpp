#include "base/data_folder.h"

#include <system_error>

namespace oko {

namespace fs = std::filesystem;

std::optional<fs::path> data_folder(const fs::path& program) {
  const fs::path folder = program.parent_path();
  if (folder.empty()) return std::nullopt;
  std::error_code ignored;
  for (const fs::path& parent : {folder.parent_path(), folder}) {
    fs::path data = parent / "share" / "oko";
    if (fs::is_directory(data, ignored)) return data;
  }
  return std::nullopt;
}

}  // namespace oko

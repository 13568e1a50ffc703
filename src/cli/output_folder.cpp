#include "cli/output_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/lower_case.h"
#include "base/system_reason.h"

namespace oko::cli {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (fs::is_directory(folder)) return;
  if (fs::exists(folder)) {
    throw Error(ErrorCode::kFailed,
                tr("{}: is a file, not a folder", "{}: это файл, а не папка", folder.string()),
                tr("name a folder after --out-dir; -o takes a file",
                   "после --out-dir назовите папку; файл принимает -o"));
  }
  const LocalizedText reason =
      system_reason(error ? error : std::make_error_code(std::errc::not_a_directory));
  throw Error(ErrorCode::kFailed,
              tr("{}: the folder cannot be made: {}", "{}: папка не создаётся: {}", folder.string(),
                 reason),
              tr("name another folder after --out-dir", "назовите другую папку после --out-dir"));
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& folder, const std::string& extension,
                           const Inputs& inputs)
    : folder_(folder) {
  make_folder(folder);
  std::set<fs::path> read;
  std::error_code ignored;
  for (const std::string& path : inputs.paths()) read.insert(fs::weakly_canonical(path, ignored));
  std::set<std::string> taken;
  for (const fs::path& place : inputs.places()) {
    fs::path path;
    for (int i = 1; path.empty() || !taken.insert(lower_case(path.string())).second; ++i) {
      const std::string stem = place.stem().string();
      path = folder / place.parent_path() /
             (i == 1 ? stem + extension : fmt::format("{}-{}{}", stem, i, extension));
    }
    if (read.contains(fs::weakly_canonical(path, ignored))) {
      throw Error(
          ErrorCode::kUsage,
          tr("{}: is one of the files to read, and would be lost",
             "{}: это один из читаемых файлов, он был бы потерян", path.string()),
          tr("name another folder after --out-dir", "назовите другую папку после --out-dir"));
    }
    paths_.push_back(std::move(path));
  }
}

std::string OutputFolder::path_of(std::size_t number) const {
  const fs::path parent = paths_[number].parent_path();
  make_folder(parent);
  const fs::path whole = fs::canonical(folder_), inside = fs::canonical(parent);
  if (std::mismatch(whole.begin(), whole.end(), inside.begin(), inside.end()).first !=
      whole.end()) {
    throw Error(ErrorCode::kFailed,
                tr("{}: is a link that leads out of {}", "{}: это ссылка, она ведёт прочь из {}",
                   parent.string(), folder_.string()),
                tr("remove the link, or name another folder after --out-dir",
                   "удалите ссылку или назовите другую папку после --out-dir"));
  }
  return paths_[number].string();
}

}  // namespace oko::cli

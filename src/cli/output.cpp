#include "cli/output.h"

#include <span>
#include <string>
#include <system_error>

#include "base/error.h"
#include "base/localized_text.h"
#include "cli/terminal.h"

namespace oko::cli {

namespace fs = std::filesystem;

namespace {

/// A link stays, and the file that it names is written, even if there is none yet.
fs::path written_through(const fs::path& file) {
  constexpr int kMostLinks = 40;
  std::error_code error;
  fs::path path = file;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, error); ++i) {
    path = path.parent_path() / fs::read_symlink(path, error);
  }
  fs::path whole = fs::weakly_canonical(path, error);
  return error ? file : whole;
}

}  // namespace

Output::Output(const std::string& file, const std::vector<std::string>& inputs, Link link) {
  if (file.empty()) return;
  std::error_code error;
  for (const std::string& input : inputs) {
    if (!fs::equivalent(file, input, error)) continue;
    throw Error(ErrorCode::kUsage,
                tr("{}: is one of the files to read, and would be lost",
                   "{}: это один из читаемых файлов, он был бы потерян", file),
                tr("name another file after -o", "назовите после -o другой файл"));
  }
  const bool is_replaced = link == Link::kIsReplaced && fs::is_symlink(file, error);
  path_ = is_replaced ? fs::path(file) : written_through(file);
  // /dev/stdout leads to the name of a pipe, which is no path: only `file` itself tells its kind.
  const bool is_other = fs::exists(file, error) && !fs::is_regular_file(file, error);
  const bool is_endless = fs::is_symlink(path_, error);  // too many links, or one to itself
  if (!is_replaced && (is_other || is_endless)) {
    throw Error(ErrorCode::kFailed,
                tr("{}: is not a file to write", "{}: это не файл для записи", file),
                tr("name a file, or leave -o out to print", "назовите файл или уберите -o"));
  }
  file_.emplace(unfinished_prefix(path_), file);
}

void Output::print(std::string_view text) {
  if (!file_) return cli::print(text);
  file_->append(std::as_bytes(std::span(text)));
}

void Output::finish() {
  if (file_) file_->keep_as(path_);
  file_.reset();
}

}  // namespace oko::cli

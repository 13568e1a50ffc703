#include "base/file.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/file_failure.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "base/temporary_file.h"

namespace oko {

void throw_unreadable(const std::filesystem::path& path, int error, ErrorCode code) {
  std::error_code ignored;
  const bool is_missing = error == ENOENT || error == ENOTDIR;
  if (is_missing && code == ErrorCode::kBadInput) code = ErrorCode::kNotFound;
  if (error == ENOENT && std::filesystem::is_symlink(path, ignored)) {
    throw Error(code,
                tr("{}: is a link to a file that is not there",
                   "{}: это ссылка на файл, которого нет", path.string()),
                tr("the download is incomplete, or the file was removed: get it again",
                   "загрузка не завершена или файл удалён: получите его заново"));
  }
  if (is_missing) {
    throw Error(code, tr("{}: no such file", "{}: нет такого файла", path.string()),
                tr("check the path", "проверьте путь"));
  }
  const LocalizedText reason = system_reason(error);
  throw Error(code, tr("{}: cannot be read: {}", "{}: не читается: {}", path.string(), reason),
              error == EACCES ? tr("check the file's permissions", "проверьте права на файл") : "");
}

LocalizedText hint_of_pipes() {
  return tr("redirect a pipe to standard input, and name it -",
            "направьте канал в стандартный ввод и укажите -");
}

void require_regular_file(unsigned int mode, const std::filesystem::path& path, ErrorCode code) {
  if (S_ISDIR(mode)) {
    throw Error(code, tr("{}: is a folder, not a file", "{}: это папка, а не файл", path.string()),
                tr("name a file inside it", "укажите файл внутри неё"));
  }
  if (!S_ISREG(mode)) {
    throw Error(code, tr("{}: is not a regular file", "{}: это не обычный файл", path.string()),
                S_ISFIFO(mode) && code == ErrorCode::kBadInput ? hint_of_pipes() : "");
  }
}

FileIdentity identify_file(const std::filesystem::path& path, ErrorCode missing) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw_unreadable(path, errno, missing);
  require_regular_file(info.st_mode, path, missing);
  return identity_of(info);
}

bool has_entry(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

void refuse_stand_in(std::string_view bytes, const std::filesystem::path& path, ErrorCode bad) {
  if (bytes.starts_with("version https://git-lfs.github.com/spec/") &&
      bytes.substr(0, 1024).find("\noid ") != std::string_view::npos) {
    throw Error(bad,
                tr("{}: is a pointer of git-lfs: the file itself was not downloaded",
                   "{}: это указатель git-lfs, сам файл не скачан", path.string()),
                tr("run git lfs pull in its folder, or download the file itself",
                   "выполните git lfs pull в его папке или скачайте сам файл"));
  }
  for (const std::string_view begin : {"<!DOCTYPE html", "<!doctype html", "<html"}) {
    if (!bytes.starts_with(begin)) continue;
    throw Error(bad,
                tr("{}: is a web page, which came in place of the file",
                   "{}: это веб-страница, которая пришла вместо файла", path.string()),
                tr("download the file again; its site may ask for a login",
                   "скачайте файл заново; возможно, сайт требует входа"));
  }
}

std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes, ErrorCode bad) {
  return InputFile(path, bad).read(max_bytes);
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  TemporaryFile file(unfinished_prefix(path), path.string());
  file.append(bytes);
  file.keep_as(path);
}

LocalizedText format_bytes(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return tr("{:.1f} GB", "{:.1f} ГБ", value / 1e9);
  if (value >= 1e6) return tr("{:.0f} MB", "{:.0f} МБ", value / 1e6);
  if (value >= 1e3) return tr("{:.0f} kB", "{:.0f} кБ", value / 1e3);
  return tr("{} B", "{} Б", bytes);
}

SizePair::SizePair(std::uint64_t first_bytes, std::uint64_t second_bytes)
    : first(format_bytes(first_bytes)), second(format_bytes(second_bytes)) {
  if (first != second || first_bytes == second_bytes) return;
  const auto exact = [](std::uint64_t bytes) {
    return tr("{} bytes", "{:байт|байта|байт}", Count(bytes));
  };
  first = exact(first_bytes);
  second = exact(second_bytes);
}

namespace {

/// A folder that cannot exist, so that a user without a home gets no files in the current folder.
constexpr const char* kNoHome = "/dev/null/.oko";

/// The user's home folder by the system's list of users; empty if there is none.
std::filesystem::path home_of_user() {
  std::vector<char> buffer(std::size_t{16} << 10);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr || found->pw_dir == nullptr) {
    return {};
  }
  return found->pw_dir;
}

}  // namespace

std::filesystem::path oko_home() {
  if (const char* home = std::getenv("OKO_HOME"); home != nullptr && *home != '\0') return home;
  const char* variable = std::getenv("HOME");
  std::filesystem::path home = variable != nullptr ? variable : "";
  if (!home.is_absolute()) home = home_of_user();
  return home.is_absolute() ? home / ".oko" : kNoHome;
}

}  // namespace oko

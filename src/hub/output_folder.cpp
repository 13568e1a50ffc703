#include "hub/output_folder.h"

#include <unistd.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = ".oko-lock";  // in an unfinished folder, held by the process

/// Removes the unfinished folders of killed processes.
void remove_leftovers(const fs::path& parent) {
  std::error_code ignored;
  const fs::directory_iterator folder(parent, ignored);
  const std::vector<fs::path> paths(begin(folder), end(folder));
  for (const fs::path& path : paths) {
    if (path.extension() != ".part" || !path.filename().string().starts_with('.')) continue;
    const std::unique_ptr<FileLock> lock = FileLock::try_lock(path / kLockName);
    if (lock != nullptr) fs::remove_all(path, ignored);
  }
}

/// Holds the new folder, or removes it.
std::unique_ptr<FileLock> lock_of(const fs::path& folder) {
  try {
    return std::make_unique<FileLock>(folder / kLockName, StopToken());
  } catch (const Error&) {
    std::error_code ignored;
    for (const fs::path& path : {folder / kLockName, folder}) fs::remove(path, ignored);
    throw;
  }
}

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed, tr("{}: the folder cannot be used: {}",
                                     "{}: папка непригодна: {}", path.string(), reason));
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path) {
  std::error_code error;
  path_ = fs::absolute(path, error).lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();  // "folder/"
  if (fs::exists(path_, error)) {
    if (!fs::is_directory(path_, error)) {
      throw Error(ErrorCode::kUsage, tr("{}: is a file", "{}: это файл", path_.string()),
                  tr("name a new folder", "укажите новую папку"));
    }
    const bool empty = fs::is_empty(path_, error);
    if (error) fail(path_, error);
    if (!empty) {
      throw Error(ErrorCode::kUsage,
                  tr("{}: the folder is not empty", "{}: папка не пуста", path_.string()),
                  tr("name a new folder", "укажите новую папку"));
    }
  }
  const fs::path parent = path_.parent_path();
  for (fs::path folder = parent; !folder.empty() && !fs::exists(folder, error);
       folder = folder.parent_path()) {
    made_.push_back(folder);
  }
  fs::create_directories(parent, error);
  if (error) fail(path_, error);
  remove_leftovers(parent);
  // The number is unique except if machines share a disk. Until the folder is locked, another
  // process may take it for a leftover and remove it.
  constexpr std::size_t kLongName = 230;  // bytes: most file systems have names of up to 255
  const std::string name = path_.filename().string();
  const bool is_long = name.size() > kLongName;
  for (int number = ::getpid(); lock_ == nullptr || !fs::exists(working_ / kLockName, error);
       ++number) {
    working_ = parent / fmt::format(".{}.{}.part", is_long ? "oko" : name, number);
    lock_.reset();
    const bool is_new = fs::create_directory(working_, error);
    if (error) fail(path_, error);
    if (is_new) lock_ = lock_of(working_);
  }
  registration_.emplace(working_);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (working_.empty()) return;
  fs::remove_all(working_, ignored);
  for (const fs::path& folder : made_) fs::remove(folder, ignored);  // if it is empty
}

void OutputFolder::add_json(const std::string& name, const nlohmann::ordered_json& value,
                            int indent) {
  write_file_atomically(working_ / name, value.dump(indent) + "\n");
}

void OutputFolder::keep() {
  std::error_code error;
  fs::remove(working_ / kLockName, error);
  fs::rename(working_, path_, error);
  if (error) fail(path_, error);
  working_.clear();
  registration_.reset();
}

}  // namespace oko::hub

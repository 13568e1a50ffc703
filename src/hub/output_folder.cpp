#include "hub/output_folder.h"

#include <unistd.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  const std::string reason = error.message();
  throw Error(ErrorCode::kFailed, tr("{}: the folder cannot be used: {}",
                                     "{}: папка непригодна: {}", path.string(), reason));
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& path) {
  std::error_code error;
  path_ = fs::absolute(path, error).lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();  // "folder/"
  if (fs::exists(path_, error)) {
    const bool empty = fs::is_directory(path_, error) && fs::is_empty(path_, error);
    if (error) fail(path_, error);
    if (!empty) {
      throw Error(ErrorCode::kUsage,
                  tr("{}: the folder is not empty", "{}: папка не пуста", path_.string()),
                  tr("name a new folder", "укажите новую папку"));
    }
  }
  const fs::path parent = path_.parent_path();
  fs::create_directories(parent, error);
  if (error) fail(path_, error);
  working_ = parent / fmt::format(".{}.{}.part", path_.filename().string(), ::getpid());
  fs::remove_all(working_, error);
  if (!fs::create_directory(working_, error)) fail(working_, error);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!working_.empty()) fs::remove_all(working_, ignored);
}

void OutputFolder::add_json(const std::string& name, const nlohmann::ordered_json& value,
                            int indent) {
  write_file_atomically(working_ / name, value.dump(indent) + "\n");
}

void OutputFolder::keep() {
  std::error_code error;
  fs::rename(working_, path_, error);
  if (error) fail(path_, error);
  working_.clear();
}

}  // namespace oko::hub

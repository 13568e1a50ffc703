#include "hub/settings_files.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

bool is_setting(const fs::path& path) {
  constexpr std::array kExtensions = {".json", ".jinja", ".txt", ".model"};
  const std::string name = path.filename().string();
  return name != "config.json" && !name.ends_with(".index.json") &&
         std::find(kExtensions.begin(), kExtensions.end(), path.extension()) != kExtensions.end();
}

/// The folders inside the model's folder that modules.json names.
std::vector<std::string> module_folders(const fs::path& source) {
  if (!has_entry(source / "modules.json")) return {"1_Pooling"};
  const nlohmann::json list = read_json(source / "modules.json", ErrorCode::kBadModel);
  std::vector<std::string> folders;
  for (const auto& item : list.is_array() ? list : nlohmann::json::array()) {
    const auto path = item.is_object() ? item.find("path") : item.end();
    if (path == item.end() || !path->is_string()) continue;
    const fs::path name = fs::path(path->get_ref<const std::string&>()).lexically_normal();
    const bool inside = !name.empty() && name.is_relative() && name != "." && *name.begin() != "..";
    if (inside) folders.push_back(name.string());
  }
  return folders;
}

}  // namespace

void copy_model_file(const fs::path& source, const fs::path& destination) {
  std::error_code error;
  fs::create_directories(destination.parent_path(), error);
  fs::copy_file(fs::canonical(source, error), destination, error);
  if (!error) return;
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("{}: cannot be copied: {}", "{}: не копируется: {}", source.string(), reason));
}

std::string model_type_of(const fs::path& folder) {
  const auto config = read_json_object(folder / "config.json", ErrorCode::kBadModel);
  const auto type = config.find("model_type");
  return type != config.end() && type->is_string() ? type->get<std::string>() : std::string();
}

bool says_pooling(const fs::path& source) {
  return has_entry(source / "modules.json") || has_entry(source / "1_Pooling" / "config.json");
}

void copy_settings(const fs::path& source, const fs::path& destination) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(source, ignored)) {
    if (!entry.is_regular_file(ignored) || !is_setting(entry.path())) continue;
    copy_model_file(entry.path(), destination / entry.path().filename());
  }
  for (const std::string& folder : module_folders(source)) {
    for (const auto& entry : fs::directory_iterator(source / folder, ignored)) {
      if (!entry.is_regular_file(ignored)) continue;
      copy_model_file(entry.path(), destination / folder / entry.path().filename());
    }
  }
}

}  // namespace oko::hub

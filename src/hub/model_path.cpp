#include "hub/model_path.h"

#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.json", ignored);
}

std::optional<fs::path> environment_path(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

fs::path hugging_face_cache() {
  if (const auto cache = environment_path("HF_HUB_CACHE")) return *cache;
  if (const auto home = environment_path("HF_HOME")) return *home / "hub";
  return environment_path("HOME").value_or(".") / ".cache" / "huggingface" / "hub";
}

/// models--ORG--NAME/snapshots/REVISION, the one that was changed last.
std::optional<fs::path> newest_snapshot(const std::string& name) {
  std::string folder = "models--" + name;
  for (std::size_t at = folder.find('/'); at != std::string::npos; at = folder.find('/')) {
    folder.replace(at, 1, "--");
  }
  std::optional<fs::path> newest;
  fs::file_time_type newest_time{};
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(hugging_face_cache() / folder / "snapshots", error)) {
    if (!is_model(entry.path())) continue;
    const auto time = entry.last_write_time(error);
    if (!newest || time > newest_time) {
      newest = entry.path();
      newest_time = time;
    }
  }
  return newest;
}

}  // namespace

fs::path find_model(const std::string& name) {
  if (is_model(name)) return name;
  std::error_code ignored;
  if (fs::is_directory(name, ignored)) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: the folder has no config.json", "{}: в папке нет config.json", name),
                tr("name the folder of an MLX model", "укажите папку модели MLX"));
  }
  // A name is not a way out of the models' folder.
  const bool plain = name.find("..") == std::string::npos && !name.starts_with('/');
  if (plain) {
    const fs::path own = oko_home() / "models" / name;
    if (is_model(own)) return own;
    if (const auto snapshot = newest_snapshot(name)) return *snapshot;
  }
  throw Error(ErrorCode::kBadModel,
              tr("model {}: not found (looked for a folder of that name, in {} and in {})",
                 "модель {}: не найдена (искали папку с таким именем, в {} и в {})", name,
                 (oko_home() / "models").string(), hugging_face_cache().string()),
              tr("download it with Hugging Face's tools, or name a folder with --model DIR",
                 "скачайте её средствами Hugging Face или укажите папку: --model DIR"));
}

}  // namespace oko::hub

#include "hub/model_path.h"

#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "hub/hugging_face_cache.h"
#include "hub/installed_models.h"
#include "hub/repository.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.json", ignored);
}

/// True if a pull of the model was interrupted.
bool is_unfinished(const std::string& given) {
  std::error_code ignored;
  const std::string name = plain_model_name(given);
  const std::string known = repository_of_short_name(name);
  const std::string stored = name == kDefaultEmbeddingModel ? kEmbeddingSource
                             : known.empty()                ? name
                                                            : known;
  return is_repository_name(stored) && fs::exists(working_folder_of(stored), ignored);
}

LocalizedText hint_for(const std::string& given) {
  if (is_unfinished(given)) {
    return tr("its download is not finished: oko pull {} goes on with it",
              "она не докачана: продолжит oko pull {}", given);
  }
  const bool can_be_pulled = is_repository_name(given) || given == kDefaultEmbeddingModel ||
                             !repository_of_short_name(given).empty();
  return can_be_pulled ? tr("download it (oko pull {}), or give the model's folder",
                            "скачайте её (oko pull {}) или укажите папку модели", given)
                       : tr("give the model's folder, or its name: ORG/NAME",
                            "укажите папку модели или её имя: ORG/NAME");
}

[[noreturn]] void fail_not_found(const std::string& given) {
  std::error_code ignored;
  if (fs::is_regular_file(given, ignored)) {
    throw Error(
        ErrorCode::kBadModel,
        tr("{}: is a file, a model is a folder", "{}: это файл, а модель — это папка", given),
        tr("name its folder: {}", "укажите его папку: {}",
           fs::path(given).has_parent_path() ? fs::path(given).parent_path().string() : "."));
  }
  throw Error(ErrorCode::kModelNotFound,
              tr("model {}: is not on this machine", "модель {}: её нет на этой машине", given),
              hint_for(given));
}

}  // namespace

fs::path find_model(const std::string& given) {
  std::string name = given;
  std::error_code ignored;
  if (!name.empty() && is_model(name)) return name;
  if (!name.empty() && fs::is_directory(name, ignored)) {
    if (const auto snapshot = snapshot_of(name)) return *snapshot;
    throw Error(ErrorCode::kBadModel,
                tr("{}: the folder has no config.json", "{}: в папке нет config.json", name),
                tr("name the folder of a model", "укажите папку модели"));
  }
  name = plain_model_name(name);
  // A name must not lead out of the models' folder.
  const bool plain = name.find("..") == std::string::npos && !name.starts_with('/');
  if (plain && !name.empty()) {
    for (const std::string& each : {name, repository_of_short_name(name)}) {
      if (each.empty()) continue;
      fs::path own = oko_home() / "models" / each;
      if (is_model(own)) return own;
      if (const auto snapshot = find_snapshot(each)) return *snapshot;
    }
  }
  fail_not_found(given);
}

}  // namespace oko::hub

#include "server/served_models.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "hub/installed_models.h"
#include "hub/model_fingerprint.h"
#include "hub/model_path.h"
#include "hub/repository.h"
#include "hub/settings_files.h"

namespace oko::server {
namespace {

namespace fs = std::filesystem;

/// Nothing for a model that oko does not run.
std::optional<ModelKind> kind_of(const fs::path& folder) {
  try {
    const std::string type = hub::model_type_of(folder);
    if (type == "qwen3_vl") return ModelKind::kVisionLanguage;
    if (type == "xlm-roberta" || type == "bert") return ModelKind::kEmbedding;
    return std::nullopt;
  } catch (const Error&) {  // damaged: `oko verify` says how
    return std::nullopt;
  }
}

/// Of a model's config.json, in seconds since 1970; 0: it is not there.
std::int64_t modified_of(const fs::path& folder) {
  struct stat info {};
  return ::stat((folder / "config.json").c_str(), &info) == 0 ? std::int64_t{info.st_mtime} : 0;
}

/// A folder that several names lead to, by links too, is one model with the first of them.
void add(std::string name, const fs::path& given, std::uint64_t bytes,
         std::vector<ServedModel>& models) {
  std::error_code error;
  fs::path folder = fs::canonical(given, error);
  if (error) folder = given;
  const auto known = std::find_if(models.begin(), models.end(),
                                  [&](const auto& model) { return model.folder == folder; });
  if (known != models.end()) {
    if (known->name != name) known->other_names.push_back(std::move(name));
    return;
  }
  const auto kind = kind_of(folder);
  if (!kind) return;
  models.push_back({.name = std::move(name),
                    .folder = folder,
                    .kind = *kind,
                    .bytes = bytes,
                    .modified = modified_of(folder)});
}

/// The folder of a model that was named at the start, or by a library; nothing: it is gone.
std::optional<fs::path> folder_that_is_there(const std::string& given) {
  try {
    return hub::find_model(given);
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// The name of a folder as a request writes it: its last part.
std::string name_of(const std::string& given) {
  const fs::path path = fs::path(given).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

std::string command_for(const std::string& name) {
  const std::string known = hub::short_name_of(name);
  return "oko pull " + (known.empty() ? name : known);
}

bool can_be_pulled(const std::string& name) {
  return hub::is_repository_name(name) || !hub::repository_of_short_name(name).empty();
}

/// For a request for a model that is not there: clients often have the name of another's.
LocalizedText hint_for(const std::string& name, const std::vector<ServedModel>& models) {
  if (can_be_pulled(name)) return tr("get it: {}", "получите её: {}", command_for(name));
  std::string names;
  for (const ServedModel& model : models) names += (names.empty() ? "" : ", ") + model.name;
  const std::string command = command_for(hub::kDefaultVisionLanguageModel);
  if (names.empty()) return tr("get one: {}", "получите модель: {}", command);
  return tr("there are: {}; without a name the first that can do it is taken; get another: {}",
            "есть: {}; без имени берётся первая подходящая; получить другую: {}", names, command);
}

}  // namespace

ServedModels::ServedModels(ServedModelsOptions options)
    : options_(std::move(options)),
      lifetimes_(options_.idle_timeout, [this](const fs::path& folder) { unload(folder); }) {}

std::vector<ServedModel> ServedModels::list() const {
  std::vector<std::string> all = options_.models;
  {
    const MutexLock lock(folders_mutex_);
    all.insert(all.end(), folders_.begin(), folders_.end());
  }
  std::vector<ServedModel> models;
  for (const std::string& given : all) {
    const std::optional<fs::path> folder = folder_that_is_there(given);
    if (!folder) continue;
    std::error_code ignored;
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(*folder, ignored)) {
      if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
    }
    std::error_code error;
    add(fs::is_directory(given, error) ? name_of(given) : given, *folder, bytes, models);
  }
  for (const hub::InstalledModel& model : hub::installed_models().models) {
    if (model.is_whole) add(model.name, model.folder, model.bytes, models);
  }
  return models;
}

std::vector<ServedModel> ServedModels::loaded() const {
  std::vector<ServedModel> models = list();
  const MutexLock lock(mutex_);
  const auto is_loaded = [](const auto& made, const fs::path& folder) {
    const auto found = made.find(folder);
    return found != made.end() && found->second != nullptr && found->second->is_loaded();
  };
  std::erase_if(models, [&](const ServedModel& model) OKO_UNCHECKED {
    return !is_loaded(embedders_, model.folder) && !is_loaded(generators_, model.folder);
  });
  return models;
}

ServedModel ServedModels::find(std::string_view given) const {
  constexpr std::string_view kLatest = ":latest";
  if (given.ends_with(kLatest)) given.remove_suffix(kLatest.size());
  const std::string name(given);
  {
    const MutexLock lock(found_mutex_);
    const auto known = found_.find(name);
    const bool is_same = known != found_.end() && known->second.modified != 0 &&
                         known->second.modified == modified_of(known->second.folder);
    if (is_same) return known->second;
  }
  const std::string repository = hub::repository_of_short_name(name);
  const auto is_meant = [&](const std::string& each) {
    return each == name || (!repository.empty() && each == repository) ||
           hub::repository_of_short_name(each) == name;
  };
  for (const ServedModel& model : list()) {
    if (!is_meant(model.name) && std::ranges::none_of(model.other_names, is_meant)) continue;
    const MutexLock lock(found_mutex_);
    return found_.insert_or_assign(name, model).first->second;
  }
  throw Error(
      ErrorCode::kModelNotFound,
      tr("the model {} is not on this machine", "модели {} нет на этой машине", excerpt(name, 100)),
      hint_for(name, list()));
}

ServedModel ServedModels::find_of_library(const index::LibraryModel& own) {
  const auto is_own = [&](const fs::path& folder) {
    return kind_of(folder) == ModelKind::kEmbedding &&
           hub::model_fingerprint(folder) == own.fingerprint;
  };
  for (ServedModel& model : list()) {
    if (model.kind == ModelKind::kEmbedding && is_own(model.folder)) return std::move(model);
  }
  std::error_code ignored;
  const bool is_folder = fs::is_directory(own.name, ignored);
  if (is_folder && is_own(own.name)) {
    {
      const MutexLock lock(folders_mutex_);
      folders_.push_back(own.name);
    }
    return find_of_library(own);
  }
  throw Error(
      ErrorCode::kModelNotFound,
      tr("the model that the library was made with, {}, is not here",
         "модели, с которой создана библиотека, {}, здесь нет", own.name),
      can_be_pulled(own.name)
          ? tr("get it: {}; or search by words: {} text",
               "получите её: {}; или ищите по словам: {} text", command_for(own.name), Knob{"mode"})
          : tr("start oko with --model and its folder, or search by words: {} text",
               "запустите oko с --model и её папкой или ищите по словам: {} text", Knob{"mode"}));
}

ServedModel ServedModels::find(std::string_view name, ModelKind kind) const {
  if (name.empty()) {
    for (const ServedModel& model : list()) {
      if (model.kind == kind) return model;
    }
    name = kind == ModelKind::kEmbedding ? "bge-m3" : "qwen3-vl-4b";
  }
  ServedModel model = find(name);
  if (model.kind == kind) return model;
  throw Error(ErrorCode::kUsage,
              kind == ModelKind::kEmbedding
                  ? tr("{} describes pictures; it makes no vectors",
                       "{} описывает картинки, а не строит векторы", model.name)
                  : tr("{} makes vectors; it answers no questions",
                       "{} строит векторы, а не отвечает на вопросы", model.name));
}

/// The first embedding model that makes `outputs`; if there is none, the first.
ServedModel ServedModels::find_for(const models::bge_m3::Outputs& outputs) const {
  const auto makes = [&](const fs::path& folder) {
    try {
      const models::bge_m3::Outputs made = models::bge_m3::outputs_of(folder);
      return (made.sparse || !outputs.sparse) && (made.colbert || !outputs.colbert);
    } catch (const Error&) {  // damaged
      return false;
    }
  };
  if (outputs.sparse || outputs.colbert) {
    for (ServedModel& model : list()) {
      if (model.kind == ModelKind::kEmbedding && makes(model.folder)) return std::move(model);
    }
  }
  return find({}, ModelKind::kEmbedding);
}

std::shared_ptr<engine::Embedder> ServedModels::embedder(std::string_view name, ServedModel& model,
                                                         const models::bge_m3::Outputs& outputs) {
  model = name.empty() ? find_for(outputs) : find(name, ModelKind::kEmbedding);
  return embedder(model);
}

std::shared_ptr<engine::Embedder> ServedModels::embedder_of_library(const index::LibraryModel& own,
                                                                    ServedModel& model) {
  model = {};
  {
    const MutexLock lock(found_mutex_);
    const auto known = libraries_.find(own.fingerprint);
    if (known != libraries_.end()) model = known->second;
  }
  if (model.modified == 0 || model.modified != modified_of(model.folder)) {
    model = find_of_library(own);
    const MutexLock lock(found_mutex_);
    libraries_.insert_or_assign(own.fingerprint, model);
  }
  return embedder(model);
}

std::shared_ptr<engine::Embedder> ServedModels::embedder(const ServedModel& model) {
  const MutexLock lock(mutex_);
  auto& embedder = embedders_[model.folder];
  if (embedder == nullptr) {
    embedder = std::make_shared<engine::Embedder>(
        engine::EmbedderOptions{.model = model.folder,
                                .prepare_weights = [&] { options_.align(model.folder); },
                                .host = options_.host});
  }
  return lend(model.folder, embedder);
}

std::shared_ptr<engine::Generator> ServedModels::generator(std::string_view name,
                                                           ServedModel& model) {
  model = find(name, ModelKind::kVisionLanguage);
  const MutexLock lock(mutex_);
  auto& generator = generators_[model.folder];
  if (generator == nullptr) {
    generator = std::make_shared<engine::Generator>(
        engine::GeneratorOptions{.vision_language_model = model.folder,
                                 .prepare_weights = [&] { options_.align(model.folder); },
                                 .host = options_.host});
  }
  return lend(model.folder, generator);
}

void ServedModels::unload(const fs::path& folder) {
  std::shared_ptr<void> embedder, generator;  // destroyed without the lock: they wait for the host
  const MutexLock lock(mutex_);
  embedder = std::move(embedders_[folder]);
  generator = std::move(generators_[folder]);
  embedders_.erase(folder);
  generators_.erase(folder);
}

template <typename Model>
std::shared_ptr<Model> ServedModels::lend(const fs::path& folder, std::shared_ptr<Model> model) {
  Model* const lent = model.get();
  return {lent, [model = std::move(model), use = lifetimes_.use(folder)](Model*) mutable {
            model.reset();
            use.reset();
          }};
}

}  // namespace oko::server

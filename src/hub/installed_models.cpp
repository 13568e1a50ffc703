#include "hub/installed_models.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/mapped_file.h"
#include "base/system_reason.h"
#include "base/text_escape.h"
#include "checkpoint/checkpoint_files.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"
#include "hub/hugging_face_cache.h"
#include "hub/manifest.h"
#include "hub/model_path.h"
#include "hub/repository.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

fs::path models_folder() {
  return oko_home() / "models";
}

bool is_hidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code ignored;
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

/// The bytes of the files of a model, without oko's own.
std::uint64_t size_of_model(const fs::path& folder) {
  std::error_code ignored;
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (!entry.is_regular_file(ignored) || entry.path().filename() == kManifestName) continue;
    bytes += entry.file_size(ignored);
  }
  return bytes;
}

/// Where the folder lies if it, or one above it in oko's folder of models, is a link; else empty.
fs::path link_target_of(const fs::path& folder) {
  std::error_code error;
  const fs::path root = fs::canonical(models_folder(), error);
  const fs::path target = fs::canonical(folder, error);
  const bool is_link = !error && target != root / folder.lexically_relative(models_folder());
  return is_link ? target : fs::path();
}

/// The bytes of disk that the files of a folder take: those of a download have holes.
std::uint64_t disk_of(const fs::path& folder) {
  constexpr std::uint64_t kBlock = 512;  // POSIX
  std::error_code ignored;
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    bytes += kBlock * static_cast<std::uint64_t>(info.st_blocks);
  }
  return bytes;
}

/// The model that a hidden folder is a part of: ".NAME.pull" of a download, ".NAME.1234.part" of a
/// conversion. Empty if it is none.
std::string unfinished_name(const fs::path& path) {
  std::string name = path.filename().string();
  if (!name.starts_with('.')) return {};
  name.erase(0, 1);
  if (name.ends_with(".pull")) return name.substr(0, name.size() - 5);
  if (!name.ends_with(".part")) return {};
  name.erase(name.size() - 5);
  const std::size_t dot = name.rfind('.');
  const bool has_number = dot != name.npos && dot + 1 < name.size() &&
                          name.find_first_not_of("0123456789", dot + 1) == name.npos;
  return has_number ? name.substr(0, dot) : "";
}

std::string typed_name(const std::string& name) {
  const std::string known = short_name_of(name);
  return known.empty() ? name : known;
}

/// Collects what lies in `$OKO_HOME/models`, by names.
class ModelsFolder {
 public:
  ModelsFolder() {
    std::error_code ignored;
    for (const fs::path& path : entries_of(models_folder())) {
      if (!fs::is_directory(path, ignored) || add(path, "")) continue;
      if (is_hidden(path)) continue;
      const std::string organization = path.filename().string() + "/";
      for (const fs::path& each : entries_of(path)) {
        if (fs::is_directory(each, ignored)) add(each, organization);
      }
    }
  }

  std::map<std::string, InstalledModel> models;

 private:
  /// Returns false if the folder is no model and no part of one.
  bool add(const fs::path& path, const std::string& organization) {
    std::error_code ignored;
    if (const std::string part = unfinished_name(path); !part.empty()) {
      InstalledModel& model = of(organization + part);
      model.unfinished.push_back(path);
      model.unfinished_bytes += disk_of(path);
      return true;
    }
    if (is_hidden(path) || !fs::is_regular_file(path / "config.json", ignored)) return false;
    InstalledModel& model = of(organization + path.filename().string());
    model.folder = path;
    model.is_whole = checkpoint::is_whole_model(path);
    model.bytes = size_of_model(path);
    model.link_target = link_target_of(path);
    return true;
  }

  InstalledModel& of(const std::string& name) {
    InstalledModel& model = models[name];
    model.name = typed_name(name);
    return model;
  }
};

/// The models of Hugging Face's cache.
std::vector<InstalledModel> cached_models() {
  constexpr std::string_view kFront = "models--";
  std::vector<InstalledModel> models;
  for (const fs::path& path : entries_of(hugging_face_cache())) {
    std::string name = path.filename().string();
    if (!name.starts_with(kFront)) continue;
    name.erase(0, kFront.size());
    const std::size_t dashes = name.find("--");
    if (dashes == name.npos) continue;  // a model of no organization: oko has no name for it
    name.replace(dashes, 2, "/");
    try {
      const std::optional<fs::path> snapshot = snapshot_of(path);
      if (!snapshot) continue;
      models.push_back({.name = typed_name(name),
                        .folder = *snapshot,
                        .place = InstalledModel::Place::kHuggingFaceCache,
                        .is_whole = checkpoint::is_whole_model(*snapshot),
                        .bytes = size_of_model(*snapshot)});
    } catch (const Error&) {
      continue;  // a download that has no config.json yet
    }
  }
  return models;
}

/// The folder of the model that an aligned copy was made of; empty if the file is no copy.
fs::path source_of_copy(const fs::path& copy) {
  if (copy.extension() != ".safetensors") return {};
  try {
    const MappedFile file(copy, ErrorCode::kFailed);
    return checkpoint::safetensors_metadata(file.bytes(), checkpoint::kAlignedSourceKey);
  } catch (const Error&) {
    return {};
  }
}

/// The aligned copies by the folders of their models.
std::multimap<fs::path, fs::path> aligned_copies() {
  std::multimap<fs::path, fs::path> copies;
  for (const fs::path& copy : entries_of(checkpoint::aligned_folder())) {
    if (const fs::path source = source_of_copy(copy); !source.empty()) copies.emplace(source, copy);
  }
  return copies;
}

std::uint64_t size_of_file(const fs::path& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

InstalledModels installed_models() {
  InstalledModels all;
  for (auto& [name, model] : ModelsFolder().models) all.models.push_back(std::move(model));
  for (InstalledModel& model : cached_models()) all.models.push_back(std::move(model));
  std::error_code ignored;
  for (const auto& [source, copy] : aligned_copies()) {
    const auto owner = std::find_if(all.models.begin(), all.models.end(), [&](const auto& model) {
      return !model.folder.empty() && fs::weakly_canonical(model.folder, ignored) == source;
    });
    if (owner == all.models.end()) {
      all.other_aligned_bytes += size_of_file(copy);
      continue;
    }
    owner->aligned_copies.push_back(copy);
    owner->aligned_bytes += size_of_file(copy);
  }
  return all;
}

fs::path lock_path_of(const std::string& name) {
  std::string file = name;
  if (const std::size_t slash = file.find('/'); slash != file.npos) file.replace(slash, 1, "--");
  return models_folder() / ".locks" / (file + ".lock");
}

fs::path working_folder_of(const std::string& name) {
  const fs::path folder = models_folder() / name;
  return folder.parent_path() / fmt::format(".{}.pull", folder.filename().string());
}

ModelRemoval::ModelRemoval(const std::string& name) : name_(name) {
  const std::string plain = plain_model_name(name);
  repository_ = repository_of_short_name(plain);
  if (repository_.empty()) repository_ = plain == kDefaultEmbeddingModel ? kEmbeddingSource : plain;
  const std::map<std::string, InstalledModel> models = ModelsFolder().models;
  const std::string stored = plain == kDefaultEmbeddingModel ? plain : repository_;
  if (models.contains(stored)) add_stored(stored);
  if (plain == kDefaultEmbeddingModel) {
    // What a conversion that did not end has left.
    const fs::path source = models_folder() / kEmbeddingSource;
    const auto found = models.find(kEmbeddingSource);
    const bool is_leftover = found != models.end() &&
                             (found->second.folder.empty() || has_entry(source / kConversionMark));
    if (is_leftover) add_stored(kEmbeddingSource);
  }
  find_cached();
  if (!folders_.empty()) return;
  throw Error(
      ErrorCode::kModelNotFound,
      cache_bytes_ > 0 ? tr("{}: is in the Hugging Face cache only ({}), which oko never changes",
                            "{}: есть только в кэше Hugging Face ({}), а его oko не меняет",
                            excerpt(name), format_bytes(cache_bytes_))
                       : tr("{}: no such model in {}", "{}: такой модели в {} нет", excerpt(name),
                            models_folder().string()),
      cache_bytes_ > 0 ? tr("remove it there: hf cache rm model/{}",
                            "удалите её там: hf cache rm model/{}", repository_)
                       : tr("oko models lists what is there", "что есть, показывает oko models"));
}

void ModelRemoval::add_stored(const std::string& name) {
  std::error_code error;
  const fs::path folder = models_folder() / name;
  const fs::path root = fs::canonical(models_folder(), error);
  const fs::path parent = fs::canonical(folder.parent_path(), error);
  if (error || parent.lexically_relative(root).string().starts_with("..")) {
    throw Error(ErrorCode::kUsage,
                tr("{}: lies outside of {}", "{}: лежит не в {}", folder.string(), root.string()),
                tr("oko follows no links there: remove it yourself",
                   "по ссылкам оттуда oko не ходит: удалите её сами"));
  }
  fs::create_directories(lock_path_of(name).parent_path(), error);
  locks_.push_back(FileLock::make_or_try(lock_path_of(name)));
  if (locks_.back() == nullptr) {
    throw Error(ErrorCode::kFailed,
                tr("{}: another process downloads this model",
                   "{}: эту модель сейчас скачивает другой процесс", excerpt(name)),
                tr("wait for it or stop it", "дождитесь его или остановите его"));
  }
  const fs::path source = fs::weakly_canonical(folder, error);
  for (const auto& [of, copy] : aligned_copies()) {
    if (of != source || fs::is_symlink(folder, error)) continue;
    files_.push_back(copy);
    bytes_ += size_of_file(copy);
  }
  for (const fs::path& path : entries_of(folder.parent_path())) {
    const bool is_part = unfinished_name(path) == folder.filename();
    if (path != folder && !is_part) continue;
    folders_.push_back(path);
    if (!fs::is_symlink(path, error)) {
      bytes_ += disk_of(path);
    } else if (!is_part) {
      link_target_ = link_target_of(path);
    }
  }
}

void ModelRemoval::find_cached() {
  for (const InstalledModel& model : cached_models()) {
    if (model.name == typed_name(repository_)) cache_bytes_ = model.bytes;
  }
}

void ModelRemoval::run() {
  for (fs::path path : folders_) {
    std::error_code error;
    if (!fs::is_symlink(path, error) && !is_hidden(path)) {
      // Under this name half a model is taken for none.
      const fs::path hidden =
          path.parent_path() / fmt::format(".{}.pull", path.filename().string());
      fs::remove_all(hidden, error);
      fs::rename(path, hidden, error);
      if (!error) path = hidden;
    }
    if (!error) fs::remove_all(path, error);
    if (error) {
      throw Error(ErrorCode::kFailed, tr("{}: cannot be removed: {}", "{}: не удаляется: {}",
                                         path.string(), system_reason(error)));
    }
    fs::remove(path.parent_path(), error);  // if it is empty
  }
  std::error_code ignored;
  for (const fs::path& file : files_) fs::remove(file, ignored);
  for (const auto& lock : locks_) lock->remove();
}

}  // namespace oko::hub

#include "tasks/doctor_models.h"

#include <filesystem>
#include <map>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checkpoint_files.h"
#include "hub/align_weights.h"
#include "hub/hugging_face_cache.h"
#include "hub/manifest.h"
#include "hub/model_path.h"
#include "hub/repository.h"
#include "tensor/weights.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

bool is_model(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.json", ignored);
}

/// NAME and ORG/NAME in the models' folder.
void add_own(std::map<std::string, fs::path>& models) {
  const fs::path root = oko_home() / "models";
  std::error_code ignored;
  const auto add = [&](const fs::path& folder) {
    if (!is_model(folder)) return false;
    models[folder.lexically_relative(root).generic_string()] = folder;
    return true;
  };
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    if (!entry.is_directory(ignored) || add(entry.path())) continue;
    for (const auto& inner : fs::directory_iterator(entry.path(), ignored)) add(inner.path());
  }
}

/// Those in Hugging Face's cache that oko knows by a short name.
void add_cached(std::map<std::string, fs::path>& models) {
  for (const std::string& name : hub::short_names()) {
    const std::string repository = hub::repository_of_short_name(name);
    if (models.contains(repository) || models.contains(name)) continue;
    try {
      if (const auto snapshot = hub::find_snapshot(repository)) models[repository] = *snapshot;
    } catch (const Error&) {
      models[repository].clear();  // a download that has just begun
    }
  }
}

void check_model(const fs::path& folder, const std::string& name, Check& check) {
  check.text = name;
  check.figures = {{"model", name}};
  if (folder.empty() || !checkpoint::is_whole_model(folder)) {
    check.health = Health::kWarning;
    check.text += tr(": incomplete", ": не полностью");
    check.hint = tr("oko pull {}", "oko pull {}", name);
    check.figures.emplace_back("complete", false);
    return;
  }
  const std::uint64_t bytes = tensor::Weights::bytes_on_disk(folder);
  const std::uint64_t copy = bytes == 0 ? 0 : hub::aligned_copy_of(folder).bytes;
  const bool has_hashes = hub::read_manifest(folder).has_value();
  check.text += format_text(": {}", format_bytes(bytes));
  check.text += copy == 0 ? tr(", aligned", ", выровнена")
                          : tr(", needs an aligned copy of {}", ", нужна выровненная копия, {}",
                               format_bytes(copy));
  check.text += has_hashes ? tr(", verified as it was pulled", ", проверена при скачивании")
                           : tr(", not verified", ", не проверена");
  check.figures.insert(check.figures.end(),
                       {{"complete", true},
                        {"weight_bytes", static_cast<std::int64_t>(bytes)},
                        {"aligned", copy == 0},
                        {"aligned_copy_bytes", static_cast<std::int64_t>(copy)},
                        {"has_manifest", has_hashes}});
}

}  // namespace

void check_models(const StopToken& stop, const CheckSink& sink) {
  const Check blank{.name = "model", .title = tr("model", "модель")};
  std::map<std::string, fs::path> models;
  add_own(models);
  add_cached(models);
  for (const auto& [name, folder] : models) {
    throw_if_stopped(stop);
    run_check(
        blank, [&](Check& check) { check_model(folder, name, check); }, sink);
  }
  if (!models.empty()) return;
  Check none = blank;
  none.health = Health::kWarning;
  none.text = tr("none yet", "пока ни одной");
  none.hint = tr("oko pull qwen3-vl-4b", "oko pull qwen3-vl-4b");
  sink(none);
}

}  // namespace oko::tasks

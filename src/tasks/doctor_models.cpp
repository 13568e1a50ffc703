#include "tasks/doctor_models.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "hub/align_weights.h"
#include "hub/installed_models.h"
#include "hub/manifest.h"
#include "hub/repository.h"
#include "tensor/weights.h"

namespace oko::tasks {
namespace {

using hub::InstalledModel;

/// False for models of other programs in Hugging Face's cache.
bool is_of_interest(const InstalledModel& model) {
  const std::vector<std::string> known = hub::short_names();
  return model.place == InstalledModel::Place::kModelsFolder ||
         std::find(known.begin(), known.end(), model.name) != known.end();
}

void warn_of_model(Check& check, const LocalizedText& text, const std::string& name) {
  check.health = Health::kWarning;
  check.text += text;
  check.hint = tr("oko pull {}", "oko pull {}", name);
}

void check_model(const InstalledModel& model, Check& check) {
  check.text = model.name;
  check.figures = {{"model", model.name}, {"complete", model.is_whole}};
  if (!model.is_whole) {
    return warn_of_model(check, tr(": incomplete", ": скачана не полностью"), model.name);
  }
  const std::uint64_t bytes = tensor::Weights::bytes_on_disk(model.folder);
  check.figures.emplace_back("weight_bytes", static_cast<std::int64_t>(bytes));
  if (bytes == 0) {
    return warn_of_model(check, tr(": to be converted", ": нужно преобразовать"), model.name);
  }
  const std::uint64_t copy = hub::aligned_copy_of(model.folder).bytes;
  const bool has_hashes = hub::read_manifest(model.folder).has_value();
  check.text += format_text(": {}", format_bytes(bytes));
  check.text += copy == 0 ? tr(", aligned", ", выровнена")
                          : tr(", needs an aligned copy of {}", ", нужна выровненная копия, {}",
                               format_bytes(copy));
  check.text += has_hashes ? tr(", verified as it was pulled", ", проверена при скачивании")
                           : tr(", not verified", ", не проверена");
  check.figures.insert(check.figures.end(),
                       {{"aligned", copy == 0},
                        {"aligned_copy_bytes", static_cast<std::int64_t>(copy)},
                        {"has_manifest", has_hashes}});
}

}  // namespace

void check_models(const StopToken& stop, const CheckSink& sink) {
  const Check blank{.name = "model", .title = tr("model", "модель")};
  bool has_models = false;
  for (const InstalledModel& model : hub::installed_models().models) {
    if (!is_of_interest(model)) continue;
    has_models = true;
    throw_if_stopped(stop);
    run_check(
        blank, [&](Check& check) { check_model(model, check); }, sink);
  }
  if (has_models) return;
  Check none = blank;
  none.text = tr("none yet", "пока ни одной");
  none.health = Health::kWarning;
  none.hint = "oko pull qwen3-vl-4b";
  sink(none);
}

}  // namespace oko::tasks

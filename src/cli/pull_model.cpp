#include "cli/pull_model.h"

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/heap.h"
#include "base/lower_case.h"
#include "base/text_escape.h"
#include "cli/closest.h"
#include "cli/terminal.h"
#include "cli/transfer_rate.h"
#include "cli/user_language.h"
#include "engine/conversion.h"
#include "hub/installed_models.h"
#include "hub/model_path.h"
#include "hub/repository.h"
#include "hub/settings_files.h"
#include "models/bge_m3/config.h"
#include "models/qwen3_vl/config.h"

namespace oko::cli {
namespace {

/// Refuses a model that oko does not run, by its settings.
void check_settings(const std::filesystem::path& folder) {
  const std::string type = hub::model_type_of(folder);
  if (type == "qwen3_vl") {
    models::qwen3_vl::Config::load(folder);
  } else if (type == "xlm-roberta" || type == "bert") {
    models::bge_m3::Config::load(folder);
  } else {
    throw Error(ErrorCode::kBadModel,
                tr("{}: oko does not run models of this kind (model_type \"{}\")",
                   "{}: модели этого вида oko не запускает (model_type «{}»)", folder.string(),
                   excerpt(type)),
                tr("oko runs dense Qwen3-VL models (qwen3_vl) and encoders (xlm-roberta, bert)",
                   "oko запускает плотные модели Qwen3-VL (qwen3_vl) и энкодеры (xlm-roberta, "
                   "bert)"));
  }
}

/// The error of a name that is none, with the short name that was meant.
Error with_meant_name(const Error& error, const std::string& name) {
  std::vector<std::string> names = hub::short_names();
  names.emplace_back(hub::kDefaultEmbeddingModel);
  const std::string meant = closest(lower_case(name), names);
  if (error.code() != ErrorCode::kUsage || meant.empty() || hub::is_repository_name(name)) {
    return error;
  }
  return {error.code(), error.message(), tr("did you mean {}?", "может быть, {}?", meant)};
}

hub::PullReport pull_named_model(const hub::PullOptions& options, const std::string& name) {
  try {
    return hub::pull_model(options);
  } catch (const Error& error) {
    throw with_meant_name(error, name);
  }
}

/// bge-m3: downloads the original weights and converts them to 8 bits.
hub::PullReport pull_embedding_model(const hub::PullOptions& options, bool keep_source, bool quiet,
                                     ProgressBar& progress) {
  configure_heap();
  hub::EmbeddingPullOptions run{.pull = options, .keep_source = keep_source};
  run.convert = [&](const std::filesystem::path& source, const std::filesystem::path& folder,
                    const std::function<void(const std::filesystem::path&)>& seal) {
    constexpr int kBits = 8;
    progress.clear();
    ProgressBar converting(words("converting", "преобразую"), quiet);
    hub::ConvertOptions convert{.source = source, .destination = folder, .bits = kBits};
    convert.seal = seal;
    convert.stop = options.stop;
    convert.progress = [&](std::uint64_t done, std::uint64_t total) {
      converting.update(static_cast<double>(done) / static_cast<double>(total));
    };
    engine::convert_model(convert);
  };
  return hub::pull_embedding_model(run);
}

}  // namespace

hub::PullReport pull_model(hub::PullOptions options, bool keep_source, bool quiet,
                           const StopToken& stop) {
  options.stop = stop;
  options.check = check_settings;
  ProgressBar progress(words("downloading", "скачиваю"), quiet);
  TransferRate rate;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    rate.add(TransferRate::Clock::now(), done);
    progress.update(total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total),
                    shown(rate.text(total)));
  };
  options.on_wait = [&] {
    if (quiet) return;
    say_note(words("another process downloads this model: waiting for it",
                   "эту модель скачивает другой процесс: жду его"));
  };
  std::set<std::string> said;
  options.download.http.on_retry = [&](const LocalizedText& reason) {
    if (quiet || !said.insert(shown(reason)).second) return;
    progress.clear();
    say_note(words("{}: trying again", "{}: пробую снова", shown(reason)));
  };
  const std::string name = hub::plain_model_name(options.name);
  const bool is_embedding = name == hub::kDefaultEmbeddingModel || name == hub::kEmbeddingSource;
  return is_embedding ? pull_embedding_model(options, keep_source, quiet, progress)
                      : pull_named_model(options, name);
}

}  // namespace oko::cli

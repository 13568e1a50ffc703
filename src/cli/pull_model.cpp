#include "cli/pull_model.h"

#include <filesystem>
#include <functional>
#include <set>
#include <string>

#include "base/heap.h"
#include "cli/terminal.h"
#include "cli/transfer_rate.h"
#include "cli/user_language.h"
#include "engine/conversion.h"
#include "hub/installed_models.h"
#include "hub/model_path.h"
#include "hub/repository.h"

namespace oko::cli {
namespace {

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
                      : hub::pull_model(options);
}

}  // namespace oko::cli

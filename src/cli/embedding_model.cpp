#include "cli/embedding_model.h"

#include <utility>

#include "cli/align_model.h"
#include "cli/user_language.h"

namespace oko::cli {

void add_prefix_options(Command& command, tasks::Prefixes& prefixes) {
  command.add_option("--query-prefix", &prefixes.query,
                     words("put before each query [default: the model's own]",
                           "поставить перед каждым запросом [по умолчанию: префикс модели]"));
  command.add_option("--passage-prefix", &prefixes.passage,
                     words("put before each passage [default: the model's own]",
                           "поставить перед каждым отрывком [по умолчанию: префикс модели]"));
}

std::unique_ptr<engine::Embedder> make_embedder(const std::filesystem::path& folder,
                                                const CommonOptions& options, std::size_t threads,
                                                const StopToken& stop) {
  return make_embedder(folder, options, make_host(options, threads), stop);
}

std::unique_ptr<engine::Embedder> make_embedder(const std::filesystem::path& folder,
                                                const CommonOptions& options,
                                                std::shared_ptr<engine::ModelHost> host,
                                                const StopToken& stop) {
  return std::make_unique<engine::Embedder>(engine::EmbedderOptions{
      .model = folder,
      .prepare_weights = [folder, &options, stop] { align_model(folder, options, stop); },
      .host = std::move(host)});
}

}  // namespace oko::cli

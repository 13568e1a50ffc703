#include "engine/generator_model.h"

#include <algorithm>

namespace oko::engine {
namespace {

RunOnModelThread runner_of(ModelHost& host) {
  return [&host](const std::function<void()>& command, const StopToken& stop) {
    host.scheduler().run(command, stop);
  };
}

}  // namespace

GeneratorModel::GeneratorModel(const std::filesystem::path& folder,
                               const std::function<void()>& prepare_weights, CacheBytes cache_bytes,
                               ModelHost& host)
    : ModelSession(folder, prepare_weights),
      image_cache(host.memory_budget(), runner_of(host), cache_bytes.images),
      prefix_cache(host.memory_budget(), runner_of(host), cache_bytes.prefixes) {}

void GeneratorModel::load() {
  const bool are_same = std::all_of(sources.begin(), sources.end(),
                                    [](const auto& file) { return file.is_current(); });
  if (!are_same) clear_caches();
  sources = checkpoint::find_weight_files(folder());
  ModelSession::load();
}

/// Keeps the caches as long as the files are the same.
void GeneratorModel::unload() noexcept {
  if (is_loaded() && !is_current()) clear_caches();
  ModelSession::unload();
}

void GeneratorModel::clear_caches() {
  image_cache.clear();
  prefix_cache.clear();
}

}  // namespace oko::engine

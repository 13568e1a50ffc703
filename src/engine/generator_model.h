#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <vector>

#include "checkpoint/weight_files.h"
#include "engine/image_cache.h"
#include "engine/model_host.h"
#include "engine/model_session.h"
#include "engine/prefix_cache.h"
#include "models/qwen3_vl/model.h"

namespace oko::engine {

/// The model of a generator with its caches.
struct GeneratorModel : ModelSession<models::qwen3_vl::Model> {
  struct CacheBytes {
    std::size_t images, prefixes;  ///< at most; 0: none
  };

  GeneratorModel(const std::filesystem::path& folder, const std::function<void()>& prepare_weights,
                 CacheBytes cache_bytes, ModelHost& host);
  void load() override;
  void unload() noexcept override;
  void clear_caches();

  std::vector<checkpoint::SourceFile> sources;  ///< of the last load
  ImageCache image_cache;
  PrefixCache prefix_cache;
};

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <list>

#include "engine/cache_memory.h"
#include "models/qwen3_vl/prompt_layout.h"
#include "models/qwen3_vl/vision_model.h"

namespace oko::engine {

/// Features of the pictures used last, so that a second question about a picture skips the vision
/// tower. The key is the input of the tower: the preprocessed pixels, and with them the grid and
/// every preprocessing setting. Keeps all DeepStack levels. Belongs to one set of weights; used by
/// the model thread, except `key_of`.
class ImageCache {
 public:
  using Key = models::qwen3_vl::ContentKey;  ///< XXH3

  /// Made and destroyed by any thread.
  ImageCache(budget::MemoryBudget& budget, RunOnModelThread run, std::uint64_t max_bytes);
  ~ImageCache();
  ImageCache(const ImageCache&) = delete;
  ImageCache& operator=(const ImageCache&) = delete;

  static Key key_of(const models::qwen3_vl::Patches& patches);

  /// The features, marked as used now, or null. Valid until the next `put`.
  const models::qwen3_vl::ImageFeatures* find(const Key& key);

  /// Keeps features if their memory can be reserved: see CacheMemory::reserve.
  void put(const Key& key, const models::qwen3_vl::ImageFeatures& features);

  void clear();

 private:
  struct Entry {
    Key key;
    models::qwen3_vl::ImageFeatures features;
    budget::Reservation reservation;
  };

  std::list<Entry> entries_;  ///< used last, first
  CacheMemory memory_;        // last: it drops entries
};

}  // namespace oko::engine

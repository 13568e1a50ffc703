#pragma once

#include <array>
#include <cstdint>
#include <list>

#include "models/qwen3_vl/vision_model.h"

namespace oko::engine {

/// Features of the pictures seen last, so that a second question about a picture skips the vision
/// tower. Keyed by what the tower reads: the preprocessed pixels, and with them the grid and every
/// preprocessing setting. All DeepStack levels are kept. Used by the engine thread.
class ImageCache {
 public:
  using Key = std::array<std::uint64_t, 2>;  ///< XXH3, 128 bits

  explicit ImageCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  static Key key_of(const models::qwen3_vl::Patches& patches);

  /// The features, marked as used now, or null. Valid until the next `put`.
  const models::qwen3_vl::ImageFeatures* find(const Key& key);

  /// Keeps features, letting those go that were not used for longest. Larger ones than the cache
  /// are not kept.
  void put(const Key& key, const models::qwen3_vl::ImageFeatures& features);

  void clear();

 private:
  struct Entry {
    Key key;
    models::qwen3_vl::ImageFeatures features;
  };

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  ///< used last, first
};

}  // namespace oko::engine

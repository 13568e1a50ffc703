#include "engine/image_cache.h"

#include <xxhash.h>

#include <algorithm>

namespace oko::engine {

ImageCache::Key ImageCache::key_of(const models::qwen3_vl::Patches& patches) {
  const int grid[] = {patches.grid_thw.t, patches.grid_thw.h, patches.grid_thw.w,
                      patches.merge_size};
  const std::uint64_t seed = XXH3_64bits(grid, sizeof(grid));
  const auto& pixels = patches.pixel_values;
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(pixels.data(), pixels.size() * sizeof(pixels[0]), seed);
  return {hash.low64, hash.high64};
}

const models::qwen3_vl::ImageFeatures* ImageCache::find(const Key& key) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front().features;
}

void ImageCache::put(const Key& key, const models::qwen3_vl::ImageFeatures& features) {
  const std::size_t size = features.bytes();
  if (size > max_bytes_ || find(key) != nullptr) return;
  while (bytes_ + size > max_bytes_) {
    bytes_ -= entries_.back().features.bytes();
    entries_.pop_back();
  }
  entries_.push_front({key, features});
  bytes_ += size;
}

void ImageCache::clear() {
  entries_.clear();
  bytes_ = 0;
}

}  // namespace oko::engine

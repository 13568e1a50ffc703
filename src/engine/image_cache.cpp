#include "engine/image_cache.h"

#include <xxhash.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace oko::engine {

ImageCache::ImageCache(budget::MemoryBudget& budget, RunOnModelThread run, std::uint64_t max_bytes)
    : memory_(budget, {.max_bytes = max_bytes, .run = std::move(run), .drop_oldest = [this] {
                         if (entries_.empty()) return false;
                         entries_.pop_back();
                         return true;
                       }}) {}

ImageCache::~ImageCache() {
  memory_.run([this] { clear(); });
}

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
  memory_.touch();
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front().features;
}

void ImageCache::put(const Key& key, const models::qwen3_vl::ImageFeatures& features) {
  if (find(key) != nullptr) return;
  std::optional<budget::Reservation> reservation = memory_.reserve(features.bytes());
  if (reservation) entries_.push_front({key, features, std::move(*reservation)});
}

void ImageCache::clear() {
  entries_.clear();
}

}  // namespace oko::engine

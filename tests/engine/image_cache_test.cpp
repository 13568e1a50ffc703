#include "engine/image_cache.h"

#include <gtest/gtest.h>
#include <mlx/ops.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "engine/generator.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko::engine {
namespace {

namespace fs = std::filesystem;
namespace qwen = models::qwen3_vl;
using budget::EvictionOrder;
using budget::Tag;

constexpr std::uint64_t kEntry = 4000;  // bytes
constexpr auto kAnyTime = budget::Evictable::Clock::time_point::max();

qwen::ImageFeatures features() {
  return {{1, 2, 2}, tensor::mx::zeros({10, 100}, tensor::mx::float32), {}};
}

class ImageCacheTest : public ::testing::Test {
 protected:
  static ImageCache::Key key(std::uint64_t i) { return {i, i}; }
  static RunOnModelThread here() {
    return [](const std::function<void()>& command, const StopToken&) { command(); };
  }
  budget::Reservation reserve(std::uint64_t bytes) {
    budget::TagBytes size;
    size[Tag::kPrefill] = bytes;
    return budget_.reserve({.size = [=] { return size; }});
  }
  std::uint64_t held() const { return budget_.held()[Tag::kImageCache]; }

  budget::MemoryBudget budget_{10 * kEntry};
};

TEST_F(ImageCacheTest, ReservesAsItGrowsUpToItsLimit) {
  ImageCache cache(budget_, here(), 2 * kEntry);
  EXPECT_EQ(held(), 0u);
  for (std::uint64_t i = 0; i < 2; ++i) {
    cache.put(key(i), features());
    EXPECT_EQ(held(), (i + 1) * kEntry);
  }
  EXPECT_NE(cache.find(key(0)), nullptr);  // now key 1 is the oldest
  cache.put(key(2), features());
  EXPECT_EQ(held(), 2 * kEntry);
  EXPECT_NE(cache.find(key(0)), nullptr);
  EXPECT_EQ(cache.find(key(1)), nullptr);
  EXPECT_NE(cache.find(key(2)), nullptr);
  cache.put(key(2), features());
  EXPECT_EQ(held(), 2 * kEntry) << "it was there";
  cache.clear();
  EXPECT_EQ(held(), 0u);
}

TEST_F(ImageCacheTest, KeepsNothingThatIsLargerThanItsLimit) {
  ImageCache cache(budget_, here(), kEntry - 1);
  cache.put(key(0), features());
  EXPECT_EQ(cache.find(key(0)), nullptr);
  EXPECT_EQ(held(), 0u);
}

TEST_F(ImageCacheTest, ReplacesItsOldestEntryIfNoMemoryIsFree) {
  ImageCache cache(budget_, here(), 8 * kEntry);
  ImageCache other(budget_, here(), 8 * kEntry);
  other.put(key(9), features());
  for (std::uint64_t i = 0; i < 3; ++i) cache.put(key(i), features());
  const budget::Reservation work = reserve(6 * kEntry);
  cache.put(key(3), features());
  EXPECT_EQ(cache.find(key(0)), nullptr);
  for (std::uint64_t i = 1; i < 4; ++i) EXPECT_NE(cache.find(key(i)), nullptr) << i;
  EXPECT_NE(other.find(key(9)), nullptr) << "others are left alone";
}

TEST_F(ImageCacheTest, KeepsNothingIfNoMemoryIsFree) {
  ImageCache cache(budget_, here(), 8 * kEntry);
  const budget::Reservation work = reserve(10 * kEntry);
  cache.put(key(0), features());
  EXPECT_EQ(cache.find(key(0)), nullptr);
}

TEST_F(ImageCacheTest, ARequestEvictsTheOldestEntriesThatItNeeds) {
  ImageCache cache(budget_, here(), 8 * kEntry);
  for (std::uint64_t i = 0; i < 8; ++i) cache.put(key(i), features());
  EXPECT_NE(cache.find(key(0)), nullptr);
  const budget::Reservation work = reserve(4 * kEntry);
  EXPECT_EQ(held(), 6 * kEntry);
  EXPECT_NE(cache.find(key(0)), nullptr);
  for (std::uint64_t i = 1; i < 3; ++i) EXPECT_EQ(cache.find(key(i)), nullptr) << i;
}

TEST(ImageCacheKeyTest, TellsPixelsGridsAndMergesApart) {
  const qwen::Patches patches{{1, 2, 2}, 2, {0.1f, 0.2f, 0.3f, 0.4f}};
  qwen::Patches pixels = patches, grid = patches, merge = patches;
  pixels.pixel_values[3] = 0.5f;
  grid.grid_thw = {1, 1, 4};
  merge.merge_size = 1;
  EXPECT_EQ(ImageCache::key_of(qwen::Patches(patches)), ImageCache::key_of(patches));
  for (const qwen::Patches& other : {pixels, grid, merge}) {
    EXPECT_NE(ImageCache::key_of(other), ImageCache::key_of(patches));
  }
}

class CachedPicturesTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    model_ = folder_ / "model";
    fs::copy(RandomModels::get("qwen3-vl-small-4bit", 11), model_);
  }
  void replace_weights() const {
    fs::copy_file(model_ / "model.safetensors", folder_ / "new");
    fs::rename(folder_ / "new", model_ / "model.safetensors");
  }
  static GenerationRequest question() {
    return request_of(GenerationCase{.pictures = {{96, 64}}, .max_tokens = 4});
  }

  fs::path model_;
  std::shared_ptr<ModelHost> host_ = std::make_shared<ModelHost>(HostOptions{.threads = 1});
};

TEST_F(CachedPicturesTest, OutliveTheModelInMemory) {
  Generator generator({.vision_language_model = model_, .host = host_});
  const std::string answer = generator.generate(question()).text;
  host_->memory_budget().evict_idle(EvictionOrder::kIdleModel, kAnyTime, {});
  EXPECT_EQ(host_->memory_budget().held()[Tag::kWeights], 0u);
  const GenerationResult again = generator.generate(question());
  EXPECT_EQ(host_->loads(), 2u);
  EXPECT_EQ(again.stats.cached_images, 1);
  EXPECT_EQ(again.text, answer);
}

TEST_F(CachedPicturesTest, AreClearedIfTheModelsFilesChange) {
  Generator generator({.vision_language_model = model_, .host = host_});
  generator.generate(question());
  replace_weights();
  EXPECT_EQ(generator.generate(question()).stats.cached_images, 0) << "while it was loaded";
  EXPECT_EQ(generator.generate(question()).stats.cached_images, 1);
  host_->memory_budget().evict_idle(EvictionOrder::kIdleModel, kAnyTime, {});
  replace_weights();
  EXPECT_EQ(generator.generate(question()).stats.cached_images, 0) << "while it was not";
}

TEST_F(CachedPicturesTest, NeedNoMemoryAndAreEvictedBeforeTheModel) {
  GenerationRequest longer = question();
  longer.messages[0].parts.back() = text::Part::make_text(words(200));
  std::uint64_t least = 0, more = 0;
  {
    Generator generator({.vision_language_model = model_, .host = host_});
    least = generator.least_bytes(question(), {{96, 64}});
    more = generator.least_bytes(longer, {{96, 64}});
    Generator without({.vision_language_model = model_, .image_cache_bytes = 0, .host = host_});
    EXPECT_EQ(without.least_bytes(question(), {{96, 64}}), least);
  }
  ASSERT_GT(more, least + 100'000) << "room for the features of the picture";
  const auto host_with = [](std::uint64_t budget) {
    return std::make_shared<ModelHost>(HostOptions{.budget_bytes = budget, .threads = 1});
  };
  {
    const auto limited = host_with(least);
    Generator generator({.vision_language_model = model_, .host = limited});
    EXPECT_EQ(generator.generate(question()).stats.generated_tokens, 4);
    EXPECT_EQ(limited->memory_budget().peak_bytes(), least);
    EXPECT_THROW(generator.generate(longer), Error);
  }
  const auto limited = host_with(more);
  Generator generator({.vision_language_model = model_, .host = limited});
  generator.generate(question());
  EXPECT_EQ(generator.generate(question()).stats.cached_images, 1);
  EXPECT_EQ(generator.generate(longer).stats.cached_images, 0) << "their memory was needed";
  EXPECT_EQ(limited->loads(), 1u);
  EXPECT_EQ(limited->memory_budget().peak_bytes(), more);
}

TEST_F(CachedPicturesTest, AreNotUsedForAnotherPicture) {
  Generator generator({.vision_language_model = model_, .host = host_});
  generator.generate(question());
  GenerationRequest other = question();
  image::Image changed = *other.images[0];
  changed.rgb[0] ^= 0xFF;
  other.images[0] = std::move(changed);
  EXPECT_EQ(generator.generate(other).stats.cached_images, 0);
  EXPECT_EQ(generator.generate(question()).stats.cached_images, 1);
  EXPECT_EQ(generator.generate(other).stats.cached_images, 1);
}

}  // namespace
}  // namespace oko::engine

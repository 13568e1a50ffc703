// The memory of reading a picture, predicted from its size.
#include "ocr/memory_estimate.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <random>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "ocr/engine.h"
#include "tests/support/kept_memory.h"

namespace oko::ocr {
namespace {

/// The worst case: nothing but small components.
image::Image noise(int width, int height) {
  image::Image image{width, height, {}};
  image.rgb.resize(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  std::mt19937 random(1);
  for (std::uint8_t& value : image.rgb) value = static_cast<std::uint8_t>(random() >> 24);
  return image;
}

image::Image tiled(const image::Image& tile, int width, int height) {
  image::Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto at =
          3 * (static_cast<std::ptrdiff_t>(y % tile.height) * tile.width + x % tile.width);
      image.rgb.insert(image.rgb.end(), tile.rgb.begin() + at, tile.rgb.begin() + at + 3);
    }
  }
  return image;
}

/// Peak bytes of reading, above those of the process without the picture.
std::uint64_t taken_by(Engine& engine, image::Image image) {
  ::malloc_trim(0);
  const std::uint64_t before = budget::private_bytes() - image.rgb.size();
  budget::PeakSampler sampler;
  engine.read(std::move(image), {});
  return sampler.peak_bytes() - before;
}

TEST(OcrMemoryEstimateTest, ReadingNeverTakesMoreThanPredicted) {
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "AddressSanitizer takes memory of its own";
  const std::uint64_t before = budget::private_bytes();
  const auto engine = make_engine({});
  EXPECT_LE(budget::private_bytes() - before, kEngineBytes);
  EXPECT_LE(taken_by(*engine, noise(800, 800)), reading_bytes(800, 800));
  const image::Image receipt = image::load(std::string(OKO_SOURCE_DIR) + "/demo/pages/receipt.png");
  EXPECT_LE(taken_by(*engine, tiled(receipt, 1200, 1300)), reading_bytes(1200, 1300));
  ::malloc_trim(0);
  EXPECT_LE(budget::private_bytes() - before, kEngineBytes) << "what is kept for the next picture";
}

TEST(OcrMemoryEstimateTest, LargestPictureJustFits) {
  for (const std::uint64_t bytes : {1'000'000ULL, 150'000'000ULL, 180'000'000ULL, 400'000'000ULL}) {
    const auto pixels = static_cast<int>(pixels_within(bytes));
    EXPECT_LE(reading_bytes(pixels, 1), bytes);
    EXPECT_GT(reading_bytes(pixels + 1, 1), bytes);
  }
}

}  // namespace
}  // namespace oko::ocr

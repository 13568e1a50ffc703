// The memory of a checkpoint with the real 4B shapes (3.1 GB on disk).
#include <gtest/gtest.h>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/generator.h"
#include "models/qwen3_vl/model.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"

namespace oko {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;

image::Image noise(int side) {
  image::Image image{side, side, {}};
  std::uint32_t state = 1;
  for (int i = 0; i < side * side * 3; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    image.rgb.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  return image;
}

TEST(LargeModelTest, LoadingAddsUnder100MegabytesOfPrivateMemory) {
  const auto& folder = RandomModels::get("qwen3-vl-4b", 1);
  tensor::prepare_device();
  const std::uint64_t before = budget::private_bytes();
  const auto model = models::qwen3_vl::Model::load(folder);
  const std::uint64_t added = budget::private_bytes() - before;
  RecordProperty("added_megabytes", static_cast<int>(added / kMegabyte));
  EXPECT_LT(added, 100 * kMegabyte);
}

TEST(LargeModelTest, AMegapixelPicturePeaksUnder1500MegabytesOfPrivateMemory) {
  engine::Generator engine({.vision_language_model = RandomModels::get("qwen3-vl-4b", 1)});
  engine::GenerationRequest request;
  request.messages = {
      {text::Role::kUser, {text::Part::make_image(), text::Part::make_text("What is this?")}}};
  request.images.push_back(noise(1024));
  request.max_tokens = 8;
  request.measure_memory = true;
  const auto result = engine.generate(request);
  EXPECT_EQ(result.stats.image_tokens, 1024);
  RecordProperty("peak_megabytes", static_cast<int>(result.stats.peak_private_bytes / kMegabyte));
  EXPECT_LT(result.stats.peak_private_bytes, 1500 * kMegabyte);
}

}  // namespace
}  // namespace oko

// Attention works in blocks: memory grows with the tokens, not with their square.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include "models/qwen3_vl/sequence.h"
#include "tensor/cpu/array_pool.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"

namespace oko::models::qwen3_vl {
namespace {

namespace mx = mlx::core;

class MemoryGrowthTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tensor::prepare_device();
    model_ = Model::load(RandomModels::get("qwen3-vl-small-f32", 3));
  }

  /// Peak bytes of arrays, MLX's and the pool's, while `work` runs, above those before.
  template <typename Work>
  static double peak_of(Work work) {
    tensor::trim_memory();
    mx::reset_peak_memory();
    const tensor::cpu::ArrayPool& pool = tensor::cpu::array_pool();
    const std::size_t before = mx::get_active_memory() + pool.used_bytes();
    work();
    return static_cast<double>(mx::get_peak_memory() + pool.peak_bytes() - before);
  }

  std::unique_ptr<Model> model_;
};

TEST_F(MemoryGrowthTest, PictureMemoryIsLinearInPatches) {
  const auto peak = [&](int side) {
    Patches patches{{1, side, side}, 2, {}};
    patches.pixel_values.assign(static_cast<std::size_t>(side * side) * 3 * 2 * 16 * 16, 0.25f);
    return peak_of([&] { model_->encode_image(patches); });
  };
  const double small = peak(64);   // 4,096 patches
  const double large = peak(128);  // 16,384: the square of them in f32 would be 1 GB a head
  EXPECT_LT(large, 4.4 * small);
  EXPECT_LT(large, 400e6);
}

TEST_F(MemoryGrowthTest, PromptMemoryIsLinearInTokens) {
  const auto peak = [&](int tokens) {
    const std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens), 7);
    return peak_of([&] { Sequence(*model_, {.initial_capacity = tokens}).prefill(ids, {}); });
  };
  const double small = peak(2'048);
  const double large = peak(8'192);  // the square of them in f32 would be 268 MB a head
  EXPECT_LT(large, 4.4 * small);
  EXPECT_LT(large, 100e6);
}

}  // namespace
}  // namespace oko::models::qwen3_vl

// oko's Qwen3-VL against transformers and mlx-vlm on random weights: tools/parity/README.md.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <algorithm>

#include "base/stop_token.h"
#include "engine/image_cache.h"
#include "models/qwen3_vl/rope_index.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"
#include "tests/models/prompted.h"

namespace oko::models::qwen3_vl {
namespace {

namespace mx = mlx::core;

using Case = GoldenCase;
using tensor::Device;

class ParityTest : public ::testing::TestWithParam<Case> {};
class PictureParityTest : public ParityTest {};
class SmallPictureTest : public ParityTest {};

TEST_P(ParityTest, EveryStageEqualsTheReference) {
  const Prompted setup(GetParam(), Device::kCpu);
  Recorder recorder;
  const auto features = setup.encode(recorder.hook());
  Sequence sequence(*setup.model, exact(64));
  sequence.prefill(setup.ids, features, {}, {}, recorder.hook());

  const std::vector<std::string> stages = setup.golden.stages();
  EXPECT_GE(stages.size(), setup.patches.empty() ? 7u : 10u);
  for (const std::string& stage : stages) {
    ASSERT_TRUE(recorder.values.contains(stage)) << stage;
    const auto expected = setup.golden.get<float>(stage);
    const auto actual = recorder.sampled(stage, setup.golden.columns(stage), expected.size());
    const double error = relative_error(actual, expected);
    EXPECT_LE(error, GetParam().tolerance) << stage;
    RecordProperty("error." + stage, std::to_string(error));
  }
}

TEST_P(PictureParityTest, PixelsEqualTheReference) {
  const Prompted setup(GetParam(), Device::kCpu);
  std::vector<float> pixels;
  for (const Patches& picture : setup.patches) {
    pixels.insert(pixels.end(), picture.pixel_values.begin(), picture.pixel_values.end());
  }
  Recorder recorder;
  recorder.values["pixel_values"] = pixels;
  recorder.width["pixel_values"] = 3 * 2 * 16 * 16;
  const auto expected = setup.golden.get<float>("pixel_values");
  const auto actual =
      recorder.sampled("pixel_values", setup.golden.columns("pixel_values"), expected.size());
  EXPECT_LE(relative_error(actual, expected), 1e-6);
}

TEST_P(ParityTest, PositionsEqualTheReference) {
  const Prompted setup(GetParam(), Device::kCpu);
  std::vector<GridThw> grids;
  for (const Patches& picture : setup.patches) grids.push_back(picture.grid_thw);
  const Config& config = setup.model->config();
  const RopeIndex index =
      rope_index(setup.ids, grids, config.image_token_id, config.vision.spatial_merge_size);
  const auto expected = setup.golden.get<std::int32_t>("position_ids");
  ASSERT_EQ(expected.size(), 3 * setup.ids.size());
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (std::size_t i = 0; i < setup.ids.size(); ++i) {
      EXPECT_EQ(index.positions[i][axis], expected[axis * setup.ids.size() + i])
          << "axis " << axis << ", token " << i;
    }
  }
  EXPECT_EQ(index.delta, setup.golden.get<std::int32_t>("rope_delta")[0]);
}

TEST_P(ParityTest, GreedyTokensEqualTheReference) {
  const Prompted setup(GetParam(), Device::kCpu);
  const auto features = setup.encode();
  Sequence sequence(*setup.model, exact(4));  // smaller than the prompt: the cache has to grow
  std::vector<float> logits = sequence.prefill(setup.ids, features);
  const auto expected = setup.golden.get<std::int32_t>("greedy.tokens");
  const auto expected_logits = setup.golden.get<float>("greedy.logits");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto best = std::max_element(logits.begin(), logits.end());
    ASSERT_EQ(best - logits.begin(), expected[i]) << "step " << i;
    EXPECT_NEAR(*best, expected_logits[i], GetParam().tolerance * std::abs(expected_logits[i]) * 4);
    logits = sequence.decode(expected[i]);
  }
}

/// The prompt's pictures with other pixels.
std::vector<Patches> altered(std::vector<Patches> pictures) {
  for (Patches& picture : pictures) {
    for (float& value : picture.pixel_values) value = -value;
  }
  return pictures;
}

/// Pictures of the same grid fill the cache, so that an entry given for another one shows.
TEST_P(SmallPictureTest, CachedFeaturesGiveTheLogitsOfTheirPicture) {
  Prompted setup(GetParam(), Device::kCpu);
  const auto logits_of = [&](std::span<const ImageFeatures> features) {
    return Sequence(*setup.model, exact(64)).prefill(setup.ids, features);
  };
  budget::MemoryBudget budget(64 << 20);
  engine::ImageCache cache(
      budget, [](const std::function<void()>& command, const StopToken&) { command(); }, 64 << 20);
  const std::vector<std::vector<Patches>> prompts{setup.patches, altered(setup.patches)};
  std::vector<std::vector<float>> expected;
  for (const std::vector<Patches>& pictures : prompts) {
    setup.patches = pictures;
    const auto fresh = setup.encode();
    expected.push_back(logits_of(fresh));
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      cache.put(engine::ImageCache::key_of(pictures[i]), fresh[i]);
    }
  }
  ASSERT_GT(relative_error(expected[0], expected[1]), 1e-3);
  for (std::size_t prompt = 0; prompt < prompts.size(); ++prompt) {
    std::vector<ImageFeatures> cached;
    for (const Patches& picture : prompts[prompt]) {
      const ImageFeatures* found = cache.find(engine::ImageCache::key_of(picture));
      ASSERT_NE(found, nullptr);
      cached.push_back(*found);
    }
    EXPECT_EQ(logits_of(cached), expected[prompt]) << prompt;
  }
}

TEST_P(SmallPictureTest, FeaturesWithoutDeepStackGiveOtherLogits) {
  const Prompted setup(GetParam(), Device::kCpu);
  auto features = setup.encode();
  const std::vector<float> expected =
      Sequence(*setup.model, exact(64)).prefill(setup.ids, features);
  for (ImageFeatures& picture : features) picture.deepstack.clear();
  const std::vector<float> without = Sequence(*setup.model, exact(64)).prefill(setup.ids, features);
  EXPECT_GT(relative_error(without, expected), 1e-3);
}

const Case kText{"qwen3_vl_small_f32_text", "qwen3-vl-small-f32", 1e-5};
const Case kPictures[] = {
    {"qwen3_vl_small_f32_picture", "qwen3-vl-small-f32", 1e-5},
    {"qwen3_vl_small_f32_two_pictures", "qwen3-vl-small-f32", 1e-5},
    {"qwen3_vl_small_4bit_two_pictures", "qwen3-vl-small-4bit", 1e-5},
    {"qwen3_vl_4b_2layer_picture", "qwen3-vl-4b-2layer", 2e-5},
};

std::string golden_of(const ::testing::TestParamInfo<Case>& info) {
  return info.param.golden;
}

INSTANTIATE_TEST_SUITE_P(Text, ParityTest, ::testing::Values(kText), golden_of);
INSTANTIATE_TEST_SUITE_P(Pictures, ParityTest, ::testing::ValuesIn(kPictures), golden_of);
INSTANTIATE_TEST_SUITE_P(Pictures, PictureParityTest, ::testing::ValuesIn(kPictures), golden_of);
INSTANTIATE_TEST_SUITE_P(Pictures, SmallPictureTest,
                         ::testing::ValuesIn(std::begin(kPictures), std::begin(kPictures) + 3),
                         golden_of);

TEST(SequenceTest, ALongPromptInChunksEqualsTheSamePromptTokenByToken) {
  tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat32});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 600; ++i) ids.push_back((i * 37 + i * i) % 900);
  Sequence whole(*model, exact(1));
  const std::vector<float> expected = whole.prefill(ids, {});

  Sequence stepwise(*model, exact(1));
  stepwise.prefill(std::span(ids).first(1), {});
  std::vector<float> logits;
  for (std::size_t i = 1; i < ids.size(); ++i) logits = stepwise.decode(ids[i]);
  EXPECT_LE(relative_error(logits, expected), 1e-4);
}

TEST(SequenceTest, SeveralTokensAtOnceAreBitwiseEqualToOneByOne) {
  tensor::prepare_device({});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-4bit", 7));
  const std::vector<std::int32_t> ids{5, 90, 7, 300, 12, 5, 90, 7, 11, 800, 3, 44, 5};
  const std::span<const std::int32_t> prompt = std::span(ids).first(5);
  for (const tensor::cpu::KvType type :
       {tensor::cpu::KvType::kFloat32, tensor::cpu::KvType::kFloat16, tensor::cpu::KvType::kInt8}) {
    Sequence stepwise(*model, {.initial_capacity = 1, .kv_type = type});
    stepwise.prefill(prompt, {});
    std::vector<std::vector<float>> expected;
    for (const std::int32_t id : std::span(ids).subspan(5)) expected.push_back(stepwise.decode(id));
    for (const std::size_t count : {2, 3, 8}) {
      Sequence sequence(*model, {.initial_capacity = 1, .kv_type = type});
      sequence.prefill(prompt, {});
      sequence.decode(std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7, 8});  // guessed wrongly
      sequence.truncate(prompt.size());
      const auto logits = sequence.decode(std::span(ids).subspan(5, count));
      ASSERT_EQ(logits.size(), count);
      EXPECT_EQ(sequence.length(), 5 + count);
      for (std::size_t i = 0; i < count; ++i)
        EXPECT_EQ(logits[i], expected[i]) << i << " of " << count;
    }
  }
}

TEST(SequenceTest, StopIsSeenBetweenLayers) {
  tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat32});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  StopSource stop;
  stop.request_stop();
  Sequence sequence(*model, exact(1));
  const std::vector<std::int32_t> ids{1, 2, 3};
  EXPECT_THROW(sequence.prefill(ids, {}, stop.get_token()), Error);
}

TEST(SequenceTest, ATokenOutsideTheVocabularyIsAnErrorOfTheModel) {
  tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat32});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  Sequence sequence(*model, exact(1));
  const std::vector<std::int32_t> ids{1, 1'000'000};
  try {
    sequence.prefill(ids, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadModel);
  }
}

}  // namespace
}  // namespace oko::models::qwen3_vl

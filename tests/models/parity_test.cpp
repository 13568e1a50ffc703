// oko's Qwen3-VL against transformers and mlx-vlm on random weights: tools/parity/README.md.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <algorithm>
#include <map>

#include "base/stop_token.h"
#include "engine/image_cache.h"
#include "models/qwen3_vl/model.h"
#include "tensor/device.h"
#include "tests/models/golden.h"
#include "tests/support/random_models.h"

namespace oko::models::qwen3_vl {
namespace {

namespace mx = mlx::core;

/// Picture `number` of a golden's prompt: see the README's formula.
image::Image pattern_picture(int number, int width, int height) {
  image::Image picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      picture.rgb.push_back(static_cast<std::uint8_t>(7 * x + 3 * y + 50 * number));
      picture.rgb.push_back(static_cast<std::uint8_t>(x * x + 5 * y + 31 * number));
      picture.rgb.push_back(static_cast<std::uint8_t>(x * y + 13 * x + 17 * number));
    }
  }
  return picture;
}

/// Nothing is rounded that the references do not round.
SequenceOptions exact(int reserve) {
  return {.reserve = reserve, .kv_type = tensor::cpu::KvType::kFloat32};
}

struct Case {
  std::string golden;
  std::string shape;
  double tolerance;  ///< relative, of every stage
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.golden;
}

/// The model, pictures and prompt of a golden.
struct Prompted {
  explicit Prompted(const Case& c) : golden(c.golden) {
    tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat});
    const auto seed = static_cast<std::uint64_t>(golden.get<std::int32_t>("seed")[0]);
    const std::filesystem::path& folder = RandomModels::get(c.shape, seed);
    model = Model::load(folder);
    ids = golden.get<std::int32_t>("input_ids");
    const auto config = ImageProcessorConfig::load(folder / "preprocessor_config.json");
    if (!golden.contains("grid_thw")) return;
    const auto grids = golden.get<std::int32_t>("grid_thw");
    for (std::size_t i = 0; i + 2 < grids.size(); i += 3) {
      const int number = static_cast<int>(i / 3);
      patches.push_back(
          preprocess(pattern_picture(number, grids[i + 2] * 16, grids[i + 1] * 16), config));
      EXPECT_EQ(patches.back().grid_thw, (GridThw{grids[i], grids[i + 1], grids[i + 2]}));
    }
  }

  std::vector<ImageFeatures> encode(const Observer& observer = {}) const {
    std::vector<ImageFeatures> features;
    for (const Patches& picture : patches) {
      features.push_back(model->encode_image(picture, {}, observer));
    }
    return features;
  }

  Golden golden;
  std::unique_ptr<Model> model;
  std::vector<std::int32_t> ids;
  std::vector<Patches> patches;
};

/// Collects stages; rows of several pictures follow each other.
struct Recorder {
  std::map<std::string, std::vector<float>> values;
  std::map<std::string, std::int64_t> width;

  Observer observer() {
    return [this](const std::string& stage, const mx::array& output) {
      mx::array whole = mx::contiguous(mx::astype(output, mx::float32));
      whole.eval();
      auto& all = values[stage];
      all.insert(all.end(), whole.data<float>(), whole.data<float>() + whole.size());
      width[stage] = whole.shape(1);
    };
  }

  /// Columns 0, s, 2s, ... such that `columns` of them remain; the last rows where the golden has
  /// fewer.
  std::vector<float> sampled(const std::string& stage, std::int64_t columns,
                             std::size_t count) const {
    const std::vector<float>& all = values.at(stage);
    const std::int64_t full = width.at(stage);
    std::int64_t step = 1;
    while ((full + step - 1) / step > columns) ++step;
    std::vector<float> result;
    for (std::size_t row = 0; row < all.size(); row += static_cast<std::size_t>(full)) {
      for (std::int64_t column = 0; column < full; column += step) {
        result.push_back(all[row + static_cast<std::size_t>(column)]);
      }
    }
    if (result.size() > count)
      result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(count));
    return result;
  }
};

class ParityTest : public ::testing::TestWithParam<Case> {};
class PictureParityTest : public ParityTest {};

TEST_P(ParityTest, EveryStageEqualsTheReference) {
  const Prompted setup(GetParam());
  Recorder recorder;
  const auto features = setup.encode(recorder.observer());
  Sequence sequence(*setup.model, exact(64));
  sequence.prefill(setup.ids, features, {}, {}, recorder.observer());

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
  const Prompted setup(GetParam());
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
  const Prompted setup(GetParam());
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
  const Prompted setup(GetParam());
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

TEST_P(PictureParityTest, CachedPictureGivesTheSameLogitsAndDeepStackMatters) {
  const Prompted setup(GetParam());
  const auto fresh = setup.encode();
  const auto logits_of = [&](std::span<const ImageFeatures> features) {
    return Sequence(*setup.model, exact(64)).prefill(setup.ids, features);
  };
  const std::vector<float> expected = logits_of(fresh);

  engine::ImageCache cache(64 << 20);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    cache.put(engine::ImageCache::key_of(setup.patches[i]), fresh[i]);
  }
  std::vector<ImageFeatures> cached;
  for (const Patches& picture : setup.patches) {
    const ImageFeatures* found = cache.find(engine::ImageCache::key_of(picture));
    ASSERT_NE(found, nullptr);
    cached.push_back(*found);
  }
  EXPECT_EQ(logits_of(cached), expected);

  for (ImageFeatures& features : cached) features.deepstack.clear();
  EXPECT_GT(relative_error(logits_of(cached), expected), 1e-3)
      << "features without DeepStack must be told apart";
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

TEST(SequenceTest, ALongPromptInChunksEqualsTheSamePromptTokenByToken) {
  tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat});
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

TEST(SequenceTest, SomeTokensAtOnceGiveTheBitsOfOneByOneAndCanBeTakenBack) {
  tensor::prepare_device({});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-4bit", 7));
  const std::vector<std::int32_t> ids{5, 90, 7, 300, 12, 5, 90, 7, 11, 800, 3, 44, 5};
  const std::span<const std::int32_t> prompt = std::span(ids).first(5);
  for (const tensor::cpu::KvType type :
       {tensor::cpu::KvType::kFloat32, tensor::cpu::KvType::kFloat16, tensor::cpu::KvType::kInt8}) {
    Sequence stepwise(*model, {.reserve = 1, .kv_type = type});
    stepwise.prefill(prompt, {});
    std::vector<std::vector<float>> expected;
    for (const std::int32_t id : std::span(ids).subspan(5)) expected.push_back(stepwise.decode(id));
    for (const std::size_t count : {2, 3, 8}) {
      Sequence sequence(*model, {.reserve = 1, .kv_type = type});
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
  tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat});
  const auto model = Model::load(RandomModels::get("qwen3-vl-small-f32", 7));
  StopSource stop;
  stop.request_stop();
  Sequence sequence(*model, exact(1));
  const std::vector<std::int32_t> ids{1, 2, 3};
  EXPECT_THROW(sequence.prefill(ids, {}, stop.get_token()), Error);
}

TEST(SequenceTest, ATokenOutsideTheVocabularyIsAnErrorOfTheModel) {
  tensor::prepare_device({.precision = tensor::cpu::Precision::kFloat});
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

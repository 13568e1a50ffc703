// The cost of integer activations: the model's next-token distributions compared with f32
// products.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "image/image.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace oko::models::qwen3_vl {
namespace {

namespace mx = mlx::core;

namespace cpu = tensor::cpu;

using Distributions = std::vector<std::vector<float>>;  ///< logits of every position

constexpr SequenceOptions kExact{.initial_capacity = 64, .kv_type = cpu::KvType::kFloat32};

struct Agreement {
  std::size_t positions = 0;
  std::size_t same_top = 0;
  double divergence = 0;  ///< sum over positions of KL(exact || actual), nats

  void add(const std::vector<float>& expected, const std::vector<float>& actual) {
    ++positions;
    const auto top = [](const std::vector<float>& logits) {
      return std::max_element(logits.begin(), logits.end()) - logits.begin();
    };
    same_top += top(expected) == top(actual);
    const auto log_sum = [](const std::vector<float>& logits) {
      const double maximum = *std::max_element(logits.begin(), logits.end());
      return maximum +
             std::log(std::accumulate(logits.begin(), logits.end(), 0.0, [&](double sum, float x) {
               return sum + std::exp(x - maximum);
             }));
    };
    const double expected_sum = log_sum(expected), actual_sum = log_sum(actual);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double log_p = expected[i] - expected_sum;
      divergence += std::exp(log_p) * (log_p - (actual[i] - actual_sum));
    }
  }

  void expect_close(const char* name, double least_same_top) const {
    const double mean = divergence / static_cast<double>(positions);
    const double share = static_cast<double>(same_top) / static_cast<double>(positions);
    std::printf("%s: %zu positions, same top token %.2f %%, mean KL %.2e\n", name, positions,
                100 * share, mean);
    EXPECT_GE(share, least_same_top);
    EXPECT_LT(mean, 1e-3);
  }
};

/// Logits of every position: the prompt read at once, then `continuation` a token at a time.
Distributions run(const Model& model, cpu::Precision precision, cpu::KvType kv_type,
                  std::span<const std::int32_t> ids, std::span<const ImageFeatures> pictures,
                  std::span<const std::int32_t> continuation) {
  tensor::prepare_device({.precision = precision});
  Distributions all;
  const ActivationHook hook = [&](const std::string& stage, const mx::array& output) {
    if (stage != "logits") return;
    mx::array logits = mx::contiguous(output);
    logits.eval();
    const auto width = static_cast<std::size_t>(logits.shape(1));
    for (std::size_t at = 0; at < logits.size(); at += width) {
      all.emplace_back(logits.data<float>() + at, logits.data<float>() + at + width);
    }
  };
  Sequence sequence(model, {.initial_capacity = 64, .kv_type = kv_type});
  sequence.prefill(ids, pictures, {}, {}, hook);
  for (const std::int32_t id : continuation) all.push_back(sequence.decode(id));
  return all;
}

struct Agreements {
  Agreement half;    ///< the default: KV cache of 16 bits
  Agreement eighth;  ///< --kv-bits 8

  void expect_close() const {
    half.expect_close("KV cache of 16 bits", 0.99);
    // The margins of random weights are thin: a trained model keeps more.
    eighth.expect_close("KV cache of 8 bits", 0.95);
  }
};

/// A picture's features by f32 products, and by the default.
struct Pictures {
  std::vector<ImageFeatures> exact;
  std::vector<ImageFeatures> usual;
};

Pictures see(const Model& model, const Patches& patches) {
  Pictures pictures;
  tensor::prepare_device({.precision = cpu::Precision::kFloat32});
  pictures.exact.push_back(model.encode_image(patches));
  tensor::prepare_device();
  pictures.usual.push_back(model.encode_image(patches));
  return pictures;
}

void compare(const Model& model, std::span<const std::int32_t> ids, const Pictures& pictures,
             std::span<const std::int32_t> continuation, Agreements& agreements) {
  const auto with = [&](cpu::KvType kv_type) {
    return run(model, cpu::Precision::kInt16Activations, kv_type, ids, pictures.usual,
               continuation);
  };
  const auto expected = run(model, cpu::Precision::kFloat32, cpu::KvType::kFloat32, ids,
                            pictures.exact, continuation);
  const auto half = with(cpu::KvType::kFloat16);
  const auto eighth = with(cpu::KvType::kInt8);
  ASSERT_EQ(expected.size(), ids.size() + continuation.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    agreements.half.add(expected[i], half[i]);
    agreements.eighth.add(expected[i], eighth[i]);
  }
}

/// The greedy answer to the prompt.
std::vector<std::int32_t> greedy(const Model& model, std::span<const std::int32_t> ids,
                                 std::span<const ImageFeatures> pictures, int count) {
  tensor::prepare_device({.precision = cpu::Precision::kFloat32});
  Sequence sequence(model, kExact);
  std::vector<float> logits = sequence.prefill(ids, pictures);
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(
        static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    logits = sequence.decode(tokens.back());
  }
  return tokens;
}

TEST(PrecisionTest, TheTinyModelSeesTheDemoPicturesAlike) {
  const std::filesystem::path demo = std::filesystem::path(OKO_SOURCE_DIR) / "demo";
  const std::filesystem::path folder = demo / "models/tiny-vl";
  tensor::prepare_device({.precision = cpu::Precision::kFloat32});
  const auto model = Model::load(folder);
  const auto processor = ImageProcessorConfig::load(folder / "preprocessor_config.json");
  const auto tokenizer = text::Tokenizer::load(folder);
  Agreements agreements;
  for (const auto& file : std::filesystem::directory_iterator(demo / "images")) {
    if (file.path().extension() == ".jsonl") continue;
    const Patches patches = preprocess(image::load(file.path()), processor);
    const Pictures pictures = see(*model, patches);
    for (const char* question : {"Describe this image.", "Опиши это изображение."}) {
      const text::Message message{text::Role::kUser,
                                  {text::Part::make_image(), text::Part::make_text(question)}};
      const std::vector<int> counts{patches.merged_tokens()};
      const auto prompt = text::apply_chat_template(tokenizer, {{message}}, counts);
      compare(*model, prompt.ids, pictures, greedy(*model, prompt.ids, pictures.exact, 12),
              agreements);
    }
  }
  agreements.expect_close();
}

double relative_error(const mx::array& expected, const mx::array& actual) {
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double value = expected.data<float>()[i];
    difference += std::pow(actual.data<float>()[i] - value, 2);
    size += value * value;
  }
  return std::sqrt(difference / size);
}

/// Neighbouring numbers of bf16, in which the reference computes, differ by 4e-3.
TEST(PrecisionTest, FeaturesOfPicturesAreWithinAThousandthOfF32) {
  const auto model = Model::load(RandomModels::get("qwen3-vl-4b-2layer", 5));
  const VisionConfig& vision = model->config().vision;
  Patches patches{{1, 24, 32}, vision.spatial_merge_size, {}};
  patches.pixel_values.resize(
      24 * 32 *
      static_cast<std::size_t>(vision.in_channels * vision.temporal_patch_size * vision.patch_size *
                               vision.patch_size));
  for (std::size_t i = 0; i < patches.pixel_values.size(); ++i) {
    patches.pixel_values[i] = static_cast<float>(i * 7919 % 511) / 255.0f - 1.0f;
  }
  const Pictures pictures = see(*model, patches);
  const double error = relative_error(pictures.exact[0].merged, pictures.usual[0].merged);
  std::printf("merged: %.2e\n", error);
#ifdef __x86_64__  // elsewhere dense products are of f32 always
  EXPECT_GT(error, 0.0) << "both took the same way";
#endif
  EXPECT_LT(error, 1e-3);
  for (std::size_t i = 0; i < pictures.exact[0].deepstack.size(); ++i) {
    EXPECT_LT(relative_error(pictures.exact[0].deepstack[i], pictures.usual[0].deepstack[i]), 1e-3);
  }
}

class RandomShapePrecisionTest : public ::testing::TestWithParam<const char*> {};

TEST_P(RandomShapePrecisionTest, NextTokensAreAlike) {
  tensor::prepare_device({.precision = cpu::Precision::kFloat32});
  const auto model = Model::load(RandomModels::get(GetParam(), 5));
  Agreements agreements;
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 400; ++i) ids.push_back((i * 37 + i * i) % 900);
  compare(*model, std::span(ids).first(300), {}, std::span(ids).last(100), agreements);
  agreements.expect_close();
}

INSTANTIATE_TEST_SUITE_P(Of, RandomShapePrecisionTest,
                         ::testing::Values("qwen3-vl-small-4bit", "qwen3-vl-4b-2layer"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace oko::models::qwen3_vl

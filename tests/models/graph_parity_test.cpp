// The graph that a GPU runs, against the references of parity_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/models/prompted.h"
#include "tests/support/graph_device.h"

namespace oko::models::qwen3_vl {
namespace {

enum class Dtype { kFloat32, kBfloat16, kFloat16 };

struct GraphCase {
  GoldenCase golden;
  Dtype dtype;
  tensor::HalfDtype half() const {
    return dtype == Dtype::kFloat16 ? tensor::HalfDtype::kFloat16 : tensor::HalfDtype::kAsStored;
  }
};

std::ostream& operator<<(std::ostream& out, const GraphCase& c) {
  return out << c.golden << (c.dtype == Dtype::kFloat16 ? " in float16" : "");
}

/// Relative tolerance, at most twice the measured error.
double tolerance_of(const GraphCase& c, const std::string& stage) {
  // A GPU may multiply f32 in TF32, whose numbers have 10 bits after the point.
  if (c.dtype == Dtype::kFloat32) return has_gpu() ? 5e-3 : 1e-4;
  // float16 has three bits more than bf16.
  if (c.dtype == Dtype::kFloat16) return stage.starts_with("vision.") ? 10 * 0x1p-12 : 60 * 0x1p-12;
  // bf16 rounds to 2^-9 of a value: dense layers sum in f32 and round a few times each, so four
  // layers drift by about 5 roundings. MLX's CPU device sums quantized products of 128 and 256
  // terms in bf16, each about 16 roundings off; a GPU sums in f32 and stays well below.
  return stage.starts_with("vision.") ? 10 * 0x1p-9 : 60 * 0x1p-9;
}

class GraphParityTest : public ::testing::TestWithParam<GraphCase> {};

TEST_P(GraphParityTest, EveryStageEqualsTheReference) {
  const Prompted setup(GetParam().golden, graph_device(), GetParam().half());
  Recorder recorder;
  const auto features = setup.encode(recorder.hook());
  Sequence sequence(*setup.model, exact(64));
  sequence.prefill(setup.ids, features, {}, {}, recorder.hook());
  for (const std::string& stage : setup.golden.stages()) {
    ASSERT_TRUE(recorder.values.contains(stage)) << stage;
    const auto expected = setup.golden.get<float>(stage);
    const auto actual = recorder.sampled(stage, setup.golden.columns(stage), expected.size());
    const double error = relative_error(actual, expected);
    EXPECT_LE(error, tolerance_of(GetParam(), stage)) << stage;
    RecordProperty("error." + stage, std::to_string(error));
  }
}

/// Follows the reference's tokens: each is the most likely one, up to the rounding of logits.
TEST_P(GraphParityTest, GreedyTokensEqualTheReference) {
  const Prompted setup(GetParam().golden, graph_device(), GetParam().half());
  const auto features = setup.encode();
  Sequence sequence(*setup.model, exact(4));  // smaller than the prompt: the cache has to grow
  std::vector<float> logits = sequence.prefill(setup.ids, features);
  const auto expected = setup.golden.get<std::int32_t>("greedy.tokens");
  const auto expected_logits = setup.golden.get<float>("greedy.logits");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const float best = *std::max_element(logits.begin(), logits.end());
    const double rounding = 4 * tolerance_of(GetParam(), "logits") * std::abs(expected_logits[i]);
    EXPECT_NEAR(logits[static_cast<std::size_t>(expected[i])], best, rounding) << "step " << i;
    EXPECT_NEAR(best, expected_logits[i], rounding) << "step " << i;
    logits = sequence.decode(expected[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, GraphParityTest,
    ::testing::Values(
        GraphCase{{"qwen3_vl_small_f32_text", "qwen3-vl-small-f32"}, Dtype::kFloat32},
        GraphCase{{"qwen3_vl_small_f32_picture", "qwen3-vl-small-f32"}, Dtype::kFloat32},
        GraphCase{{"qwen3_vl_small_f32_two_pictures", "qwen3-vl-small-f32"}, Dtype::kFloat32},
        GraphCase{{"qwen3_vl_small_4bit_two_pictures", "qwen3-vl-small-4bit"}, Dtype::kBfloat16},
        GraphCase{{"qwen3_vl_small_4bit_two_pictures", "qwen3-vl-small-4bit"}, Dtype::kFloat16}),
    [](const auto& info) {
      return info.param.golden.golden + (info.param.dtype == Dtype::kFloat16 ? "_in_float16" : "");
    });

}  // namespace
}  // namespace oko::models::qwen3_vl

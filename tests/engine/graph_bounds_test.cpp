// The cost of a decoded token on a GPU, counted in the graph; docs/BENCHMARKS.md compares it with
// mlx-lm.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include "engine/device_decoder.h"
#include "models/bge_m3/model.h"
#include "models/qwen3_vl/sequence.h"
#include "tests/support/graph_counter.h"
#include "tests/support/graph_device.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

namespace mx = mlx::core;
namespace qwen = models::qwen3_vl;

constexpr int kTokens = 4;
constexpr int kNewCaches = 2 * 36;  // keys and values of each layer are set to zero

class GraphBoundsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    tensor::prepare_device({.device = graph_device()});
    // As many text layers as the 4B has.
    model_ = qwen::Model::load(RandomModels::get("qwen3-vl-4b-narrow", 3));
  }

  static std::vector<std::int32_t> prompt(int count) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back((i * 37 + i * i) % 900);
    return ids;
  }

  /// Counts of kTokens tokens in the middle of an answer.
  GraphCounts count_decoding(const SamplingOptions& options) {
    qwen::Sequence sequence(*model_, {.initial_capacity = 64});
    const mx::array logits = sequence.read_prompt(prompt(20), {});
    DeviceDecoder decoder(logits, options, 100);
    const auto next = [&] {
      decoder.observe(sequence.decode(decoder.input()));
      decoder.read();
    };
    next();
    reset_graph_counts();
    for (int i = 0; i < kTokens; ++i) next();
    return graph_counts();
  }

  std::unique_ptr<qwen::Model> model_;
};

/// mlx-lm's Qwen3-4B takes 692, mlx-vlm's Qwen3-VL about 655.
TEST_F(GraphBoundsTest, AGreedyTokenTakesOneSyncAndAtMost700Kernels) {
  const GraphCounts counts = count_decoding({});
  RecordProperty("kernels", counts.kernels / kTokens);
  RecordProperty("nodes", counts.nodes / kTokens);
  EXPECT_EQ(counts.syncs, kTokens);
  EXPECT_EQ(counts.stalls, 0) << "a token was read before the next one was submitted";
  EXPECT_LE(counts.kernels, 700 * kTokens);
  EXPECT_LE(counts.nodes, 950 * kTokens);
}

TEST_F(GraphBoundsTest, ADrawnTokenTakesOneSyncToo) {
  const GraphCounts counts = count_decoding({.temperature = 0.7f, .top_k = 20});
  RecordProperty("kernels", counts.kernels / kTokens);
  EXPECT_EQ(counts.syncs, kTokens);
  EXPECT_EQ(counts.stalls, 0);
  EXPECT_LE(counts.kernels, 740 * kTokens);
}

TEST_F(GraphBoundsTest, TokenWithLogitsOnTheHostTakesOneSync) {
  qwen::Sequence sequence(*model_, {.initial_capacity = 64});
  sequence.prefill(prompt(20), {});
  reset_graph_counts();
  sequence.decode(5);
  EXPECT_EQ(graph_counts().syncs, 1);
  EXPECT_LE(graph_counts().kernels, 700);
}

TEST_F(GraphBoundsTest, GuessedTokensAreReadWithOneSync) {
  qwen::Sequence sequence(*model_, {.initial_capacity = 64});
  sequence.prefill(prompt(20), {});
  reset_graph_counts();
  sequence.decode(prompt(8));
  EXPECT_EQ(graph_counts().syncs, 1);
  EXPECT_LE(graph_counts().kernels, 700 + 8);
}

TEST_F(GraphBoundsTest, APromptWithoutPicturesTakesASyncALayer) {
  qwen::Sequence sequence(*model_, {.initial_capacity = 64, .prefill_chunk = 16});
  reset_graph_counts();
  sequence.prefill(prompt(32), {});
  EXPECT_LE(graph_counts().syncs, 2 * 36 + 2);
  EXPECT_LE(graph_counts().kernels, 2 * 700 + kNewCaches);
  EXPECT_LE(graph_counts().largest_buffer, 2u * 1024 * 1024);
}

/// Three axes take three kernels for each of queries and keys; text takes one.
TEST_F(GraphBoundsTest, APictureInThePromptAddsAFewKernelsALayer) {
  qwen::Patches patches{{1, 4, 4}, 2, std::vector<float>(16 * 3 * 2 * 16 * 16, 0.25f)};
  const std::vector<qwen::ImageFeatures> pictures{model_->encode_image(patches)};
  std::vector<std::int32_t> ids = prompt(12);
  std::fill(ids.begin() + 4, ids.begin() + 8, model_->config().image_token_id);
  qwen::Sequence sequence(*model_, {.initial_capacity = 64});
  reset_graph_counts();
  sequence.prefill(ids, pictures);
  RecordProperty("kernels", graph_counts().kernels);
  EXPECT_LE(graph_counts().kernels, 700 + 36 * 4 + kNewCaches + 20);
}

/// The heads of the 4B's vision tower have 64 elements, so no scores are kept.
TEST_F(GraphBoundsTest, APictureTakesAFewSyncsAndKernelsALayer) {
  qwen::Patches patches{{1, 32, 32}, 2, std::vector<float>(1024 * 3 * 2 * 16 * 16, 0.25f)};
  reset_graph_counts();
  model_->encode_image(patches);
  RecordProperty("kernels", graph_counts().kernels);
  RecordProperty("syncs", graph_counts().syncs);
  EXPECT_LE(graph_counts().syncs, 40);
  EXPECT_LE(graph_counts().kernels, 300);
  EXPECT_LE(graph_counts().most_scores, 2u * 1024 * 1024);
}

/// Its heads of 32 elements have no fused kernel: scores are arrays, of all texts together.
TEST_F(GraphBoundsTest, ManyShortTextsTakeAFewSyncsALayer) {
  constexpr int kTexts = 60, kLength = 8, kLayers = 3;
  const auto encoder = models::bge_m3::Model::load(RandomModels::get("bge-m3-small-f32", 3));
  models::bge_m3::PackedTexts texts;
  texts.ids.assign(kTexts * kLength, 7);
  for (int i = 0; i <= kTexts; ++i) texts.cu_seqlens.push_back(i * kLength);
  reset_graph_counts();
  encoder->encode(texts, {.dense = true});
  RecordProperty("syncs", graph_counts().syncs);
  EXPECT_LE(graph_counts().syncs, 4 * kLayers);
}

}  // namespace
}  // namespace oko::engine

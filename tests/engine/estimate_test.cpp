#include "engine/estimate.h"

#include <gtest/gtest.h>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

// Models with all relevant sizes, but few layers. Larger requests: tests/soak.

class EstimateTest : public ::testing::TestWithParam<GenerationCase> {};

TEST_P(EstimateTest, BoundsTakenMemoryWithin30Percent) {
  Generator engine({.vision_language_model = RandomModels::get("qwen3-vl-4b-2layer", 3),
                    .image_cache_bytes = 0});
  expect_prediction(engine.generate(request_of(GetParam())).stats);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, EstimateTest,
    ::testing::Values(GenerationCase{{{320, 320}}}, GenerationCase{{{800, 640}}},
                      GenerationCase{{{1024, 1024}}}, GenerationCase{{{1536, 1024}}},
                      GenerationCase{{{640, 480}, {1024, 768}, {320, 640}}},
                      GenerationCase{{}, 120}, GenerationCase{{}, 600},
                      GenerationCase{{}, 260, 600}, GenerationCase{{}, 260, 2, 8},
                      GenerationCase{{{800, 640}}, 400, 2, 32},
                      GenerationCase{{{4000, 300}}, 100}));

TEST(EstimateTest, LargestIsThePhaseThatHoldsMost) {
  GenerationMemory memory;
  memory.preprocess[budget::Tag::kImage] = 5;
  memory.prefill[budget::Tag::kKv] = 4;
  memory.prefill[budget::Tag::kPrefill] = 3;
  EXPECT_EQ(memory.largest().total(), 7u);
}

/// Four requests reserve the memory that each keeps and one workspace: far less than four times the
/// memory of one.
TEST(EstimateTest, ConcurrentSequencesStayWithinTheirReservation) {
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "freed memory stays with the process";
  const auto host = std::make_shared<ModelHost>(HostOptions{.threads = 1});
  Generator generator({.vision_language_model = RandomModels::get("qwen3-vl-4b-2layer", 3),
                       .image_cache_bytes = 0,
                       .host = host});
  const GenerationRequest request = request_of(GenerationCase{{{800, 640}}, 100, 24});
  const std::uint64_t alone = generator.generate(request).stats.predicted_memory.peak();
  const std::uint64_t before = budget::private_bytes();
  budget::PeakSampler sampler;
  std::vector<GenerationHandle> handles;
  for (int i = 0; i < 4; ++i) handles.push_back(generator.submit(request));
  for (GenerationHandle& handle : handles) handle.wait();
  const std::uint64_t taken = sampler.peak_bytes() - before;
  const budget::TagBytes held = host->memory_budget().held();
  const std::uint64_t reserved = host->memory_budget().peak_bytes() - held[budget::Tag::kWeights];
  ::testing::Test::RecordProperty("taken", std::to_string(taken));
  EXPECT_LE(taken, reserved);
  EXPECT_LT(reserved, 3 * alone);
}

class EmbedEstimateTest : public ::testing::TestWithParam<EmbeddingCase> {};

TEST_P(EmbedEstimateTest, BoundsTakenMemoryWithin30Percent) {
  Embedder embedder({.model = RandomModels::get("bge-m3-2layer", 3)});
  expect_prediction(embedder.embed(request_of(GetParam())).stats);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmbedEstimateTest,
                         ::testing::Values(EmbeddingCase{1, 20}, EmbeddingCase{1, 250},
                                           EmbeddingCase{8, 60}, EmbeddingCase{1, 1500},
                                           EmbeddingCase{1, 3000, {true, true, true}},
                                           EmbeddingCase{16, 120, {true, true, true}}));

}  // namespace
}  // namespace oko::engine

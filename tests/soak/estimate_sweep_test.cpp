// Predictions of memory, from the smallest picture to the largest and to long prompts.
#include <gtest/gtest.h>

#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

class GenerationSweepTest : public ::testing::TestWithParam<GenerationCase> {};

TEST_P(GenerationSweepTest, IsPredicted) {
  Generator engine({.vision_language_model = RandomModels::get("qwen3-vl-4b-2layer", 3),
                    .image_cache_bytes = 0});
  expect_prediction(engine.generate(request_of(GetParam())).stats);
}

// Pictures of 0.1 to 48 megapixels (those over 16.8 are shrunk to that), prompts to 32,000 tokens,
// and both.
INSTANTIATE_TEST_SUITE_P(
    Sweep, GenerationSweepTest,
    ::testing::Values(GenerationCase{{{316, 316}}}, GenerationCase{{{707, 707}}},
                      GenerationCase{{{2000, 1000}}}, GenerationCase{{{2449, 2449}}},
                      GenerationCase{{{4000, 3000}}}, GenerationCase{{{8000, 6000}}},
                      GenerationCase{{{1024, 1024}, {1024, 1024}, {1024, 1024}, {1024, 1024}}},
                      GenerationCase{{}, 1000}, GenerationCase{{}, 4000},
                      GenerationCase{{}, 10'000}, GenerationCase{{}, 21'000},
                      GenerationCase{{}, 21'000, 2, 8}, GenerationCase{{{2449, 2449}}, 3000},
                      GenerationCase{{{316, 316}}, 10'000}));

class EmbeddingSweepTest : public ::testing::TestWithParam<EmbeddingCase> {};

TEST_P(EmbeddingSweepTest, IsPredicted) {
  Embedder embedder({.model = RandomModels::get("bge-m3-2layer", 3)});
  expect_prediction(embedder.embed(request_of(GetParam())).stats);
}

INSTANTIATE_TEST_SUITE_P(Sweep, EmbeddingSweepTest,
                         ::testing::Values(EmbeddingCase{1, 5}, EmbeddingCase{1, 400},
                                           EmbeddingCase{1, 6000}, EmbeddingCase{4, 6000},
                                           EmbeddingCase{64, 100}, EmbeddingCase{500, 20},
                                           EmbeddingCase{1, 6000, {true, true, true}},
                                           EmbeddingCase{64, 100, {true, true, true}}));

}  // namespace
}  // namespace oko::engine

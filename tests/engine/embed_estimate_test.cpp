// What is foretold of an embedding's memory holds, as of a generation's (estimate_test.cpp).
#include <gtest/gtest.h>

#include "engine/embedder.h"
#include "tests/support/kept_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

struct Case {
  int texts = 1;
  int words = 0;  ///< of each, some tokens each
  models::bge_m3::Outputs outputs = {};
};

class EmbedEstimateTest : public ::testing::TestWithParam<Case> {};

TEST_P(EmbedEstimateTest, IsAtLeastWhatIsTakenAndAtMostThirdMore) {
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "AddressSanitizer takes memory of its own";
  // All of the dimensions, without the depth.
  Embedder embedder({.model = RandomModels::get("bge-m3-2layer", 3)});
  EmbeddingRequest request;
  request.outputs = GetParam().outputs;
  std::string text;
  for (int i = 0; i < GetParam().words; ++i) text += i % 2 == 0 ? "слово " : "word ";
  request.texts.assign(static_cast<std::size_t>(GetParam().texts), text);
  const EmbeddingStats stats = embedder.embed(request).stats;
  const auto base = static_cast<double>(stats.peak_private_bytes - stats.memory);
  const double foretold = base + static_cast<double>(stats.predicted_memory);
  const auto taken = static_cast<double>(stats.peak_private_bytes);
  RecordProperty("tokens", static_cast<int>(stats.tokens));
  RecordProperty("foretold_by_taken", std::to_string(foretold / taken));
  EXPECT_GE(foretold, taken) << stats.tokens << " tokens";
  EXPECT_LE(foretold, 1.3 * taken) << stats.tokens << " tokens";
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmbedEstimateTest,
                         ::testing::Values(Case{1, 20}, Case{1, 250}, Case{8, 60}, Case{1, 1500},
                                           Case{1, 3000, {true, true, true}},
                                           Case{16, 120, {true, true, true}}));

}  // namespace
}  // namespace oko::engine

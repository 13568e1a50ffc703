#include "tests/support/mixed_requests.h"

namespace oko::engine {
namespace {

/// The budget has room for two or three requests: the others wait for memory.
TEST(MixedRequestsTest, CompetingRequestsLeaveNoReservation) {
  const auto& model = RandomModels::get("qwen3-vl-small-4bit", 11);
  const auto host =
      std::make_shared<ModelHost>(HostOptions{.budget_bytes = 70'000'000, .threads = 2});
  Generator generator({.vision_language_model = model,
                       .image_cache_bytes = 1'000'000,
                       .max_sequences = 3,
                       .host = host});
  Embedder embedder({.model = RandomModels::get("bge-m3-small-8bit", 5), .host = host});
  run_mixed_requests(host, generator, embedder, 120, 1);
  EXPECT_LE(host->memory_budget().peak_bytes(), 70'000'000u);
}

}  // namespace
}  // namespace oko::engine

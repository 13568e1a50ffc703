#include "budget/process_memory.h"
#include "tests/support/mixed_requests.h"

namespace oko::engine {
namespace {

TEST(MixedRequestsSoakTest, TwoThousandRequestsLeaveMemoryFlat) {
  const auto& model = RandomModels::get("qwen3-vl-small-4bit", 11);
  const auto host = std::make_shared<ModelHost>(HostOptions{.threads = 2});
  Generator generator({.vision_language_model = model, .host = host});
  Embedder embedder({.model = RandomModels::get("bge-m3-small-8bit", 5), .host = host});
  run_mixed_requests(host, generator, embedder, 500, 1);
  const std::uint64_t before = budget::private_bytes();
  run_mixed_requests(host, generator, embedder, 2000, 2);
  const std::uint64_t after = budget::private_bytes();
  std::printf("private memory %.1f MB after 500 requests, %.1f MB after 2,500\n",
              static_cast<double>(before) / 1e6, static_cast<double>(after) / 1e6);
  EXPECT_LT(after, before + 10'000'000);
}

}  // namespace
}  // namespace oko::engine

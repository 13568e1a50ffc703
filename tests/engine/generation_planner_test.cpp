#include "engine/generation_planner.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/random_models.h"
#include "text/tokenizer.h"

namespace oko::engine {
namespace {

class GenerationPlannerTest : public ::testing::Test {
 protected:
  static GenerationRequest request(int max_tokens) {
    GenerationRequest request;
    request.messages = {{text::Role::kUser, {text::Part::make_text("Что здесь?")}}};
    request.max_tokens = max_tokens;
    return request;
  }
  static std::uint64_t kv_bytes(const budget::TagBytes& bytes) { return bytes[budget::Tag::kKv]; }
};

TEST_F(GenerationPlannerTest, TheUsualLimitLeavesRoomForSeveralAnswers) {
  const auto& folder = RandomModels::get("qwen3-vl-small-4bit", 7);
  auto config = nlohmann::json::parse(std::ifstream(folder / "config.json"));
  config["text_config"]["max_position_embeddings"] = 262'144;
  std::ofstream(folder / "config.json") << config;
  const text::Tokenizer tokenizer = text::Tokenizer::load(folder);
  const GenerationPlanner planner(folder, tokenizer, 0);
  const auto limit_within = [&](std::uint64_t most, int max_tokens = 0) {
    return planner
        .plan(request(max_tokens),
              [&](const budget::TagBytes& bytes) { return kv_bytes(bytes) <= most; })
        .max_tokens;
  };
  EXPECT_EQ(limit_within(UINT64_MAX), 8192);
  for (const int tokens : {8192, 4096, 2048}) {
    const auto plan = planner.plan(request(tokens), [](const auto&) { return true; });
    const std::uint64_t four = 4 * kv_bytes(plan.memory.largest());
    EXPECT_EQ(limit_within(four), tokens);
    EXPECT_EQ(limit_within(four - 1), tokens / 2);
  }
  EXPECT_EQ(limit_within(0), 1024);  // the budget refuses it with its numbers
  EXPECT_EQ(limit_within(0, 5000), 5000);
}

TEST_F(GenerationPlannerTest, TheModelsPositionsLimitTheAnswer) {
  const auto folder = std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl";
  const text::Tokenizer tokenizer = text::Tokenizer::load(folder);
  const GenerationPlanner planner(folder, tokenizer, 0);
  const auto plan = planner.plan(request(0), [](const auto&) { return true; });
  EXPECT_EQ(plan.max_tokens + static_cast<int>(plan.prompt.ids.size()), 4096);
}

}  // namespace
}  // namespace oko::engine

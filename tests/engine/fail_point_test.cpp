// Whatever allocation fails, the request fails with an error, and the next one gives its answer.
#include "base/fail_point.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/embedder.h"
#include "engine/engine.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

template <typename Request, typename Same>
void expect_each_failure_is_survived(const Request& request, const Same& same) {
  FailPoint::arm(0);
  request();
  const std::uint64_t allocations = FailPoint::count();
  ASSERT_GT(allocations, 20u);
  // All of the first hundred, then every third.
  for (std::uint64_t nth = 1; nth <= allocations; nth += nth < 100 ? 1 : 3) {
    FailPoint::arm(nth);
    try {
      request();
      ADD_FAILURE() << "allocation " << nth << " of " << allocations << " did not fail";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFailed) << nth;
      EXPECT_NE(std::string(error.what()).find("memory"), std::string::npos) << error.what();
    }
    FailPoint::arm(0);
    ASSERT_TRUE(same()) << "after the failure of allocation " << nth;
  }
}

TEST(FailPointTest, AGenerationFailsCleanlyWhereverMemoryEnds) {
  GenerationRequest request;
  request.messages = {
      {text::Role::kUser, {text::Part::make_image(), text::Part::make_text("Что здесь?")}}};
  request.images = {{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 100)}};
  request.max_tokens = 3;
  Engine engine({.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
                 .image_cache_bytes = 0});
  const std::string answer = engine.generate(request).text;
  expect_each_failure_is_survived([&] { engine.generate(request); },
                                  [&] { return engine.generate(request).text == answer; });
}

TEST(FailPointTest, AnEmbeddingFailsCleanlyWhereverMemoryEnds) {
  Embedder embedder({.model = RandomModels::get("bge-m3-small-8bit", 5)});
  EmbeddingRequest request;
  request.texts = {"один два", "three four five"};
  const auto vector_of = [&] { return embedder.embed(request).texts[1].encoding.dense; };
  const std::vector<float> dense = vector_of();
  expect_each_failure_is_survived([&] { vector_of(); }, [&] { return vector_of() == dense; });
}

}  // namespace
}  // namespace oko::engine

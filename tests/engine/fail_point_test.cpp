// If any of oko's arrays gets no memory, the request fails with an error, and the next one works.
#include "base/fail_point.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/embedder.h"
#include "engine/generator.h"
#include "tensor/cpu/array_pool.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

constexpr std::uint64_t kRoom = 1'000'000'000;

/// Reserved bytes and bytes of arrays, which a failure must not leave behind.
struct Held {
  std::uint64_t reserved = 0;
  std::size_t arrays = 0;
  bool operator==(const Held&) const = default;
};

Held held_by(const ModelHost& host) {
  return {host.memory_budget().held().total(), tensor::cpu::array_pool().used_bytes()};
}

template <typename Request>
void expect_failure(std::uint64_t nth, const Request& request) {
  FailPoint::arm(nth);
  try {
    request();
    ADD_FAILURE() << "allocation " << nth << " did not fail";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed) << nth;
    EXPECT_NE(std::string(error.what()).find("memory"), std::string::npos) << error.what();
  }
  FailPoint::arm(0);
}

template <typename Request, typename Same>
void expect_each_failure_is_survived(const ModelHost& host, const Request& request,
                                     const Same& same) {
  FailPoint::arm(0);
  request();
  const std::uint64_t allocations = FailPoint::count();
  const Held held = held_by(host);
  ASSERT_GT(allocations, 20u);
  // Each of the first hundred, then every third.
  for (std::uint64_t nth = 1; nth <= allocations; nth += nth < 100 ? 1 : 3) {
    expect_failure(nth, request);
    ASSERT_TRUE(held_by(host) == held) << "after the failure of allocation " << nth;
    ASSERT_TRUE(same()) << "after the failure of allocation " << nth;
  }
}

GenerationRequest short_question() {
  GenerationRequest request;
  request.messages = {
      {text::Role::kUser, {text::Part::make_image(), text::Part::make_text("Что здесь?")}}};
  request.images = {image::Image{64, 64, std::vector<std::uint8_t>(64 * 64 * 3, 100)}};
  request.max_tokens = 3;
  return request;
}

GeneratorOptions small_model(std::shared_ptr<ModelHost> host) {
  return {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11),
          .image_cache_bytes = 0,
          .host = std::move(host)};
}

TEST(FailPointTest, GenerationSurvivesEachFailedAllocation) {
  const auto host = std::make_shared<ModelHost>(HostOptions{.budget_bytes = kRoom});
  Generator engine(small_model(host));
  const GenerationRequest request = short_question();
  const std::string answer = engine.generate(request).text;
  expect_each_failure_is_survived(
      *host, [&] { engine.generate(request); },
      [&] { return engine.generate(request).text == answer; });
}

/// One or both of two concurrent requests may fail; the next one works.
TEST(FailPointTest, BatchSurvivesEachFailedAllocation) {
  const auto host = std::make_shared<ModelHost>(HostOptions{.budget_bytes = kRoom});
  Generator generator(small_model(host));
  GenerationRequest other = short_question();
  other.messages[0].parts[1].text = "What is here?";
  other.max_tokens = 12;
  const std::string answers[] = {generator.generate(short_question()).text,
                                 generator.generate(other).text};
  const auto answer_both = [&] {
    GenerationHandle handles[] = {generator.submit(short_question()), generator.submit(other)};
    int failed = 0;
    for (int i = 0; i < 2; ++i) {
      try {
        EXPECT_EQ(handles[i].wait().text, answers[i]);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kFailed) << error.what();
        ++failed;
      }
    }
    return failed;
  };
  FailPoint::arm(0);
  EXPECT_EQ(answer_both(), 0);
  const std::uint64_t allocations = FailPoint::count();
  const Held held = held_by(*host);
  int failed = 0;
  for (std::uint64_t nth = 1; nth < allocations * 4 / 5; nth += 5) {
    FailPoint::arm(nth);
    failed += answer_both();
    FailPoint::arm(0);
    ASSERT_TRUE(held_by(*host) == held) << "after the failure of allocation " << nth;
  }
  EXPECT_GT(failed, 20);
  EXPECT_EQ(answer_both(), 0);
}

TEST(FailPointTest, TheFirstRequestMayFailAndTheNextLoadsTheModel) {
  const GenerationRequest request = short_question();
  std::string answer;
  for (std::uint64_t nth = 1; nth <= 40; ++nth) {
    const auto host = std::make_shared<ModelHost>(HostOptions{.budget_bytes = kRoom});
    Generator engine(small_model(host));
    expect_failure(nth, [&] { engine.generate(request); });
    const std::string text = engine.generate(request).text;
    if (nth == 1) answer = text;
    ASSERT_EQ(text, answer) << nth;
  }
}

TEST(FailPointTest, EmbeddingSurvivesEachFailedAllocation) {
  const auto host = std::make_shared<ModelHost>(HostOptions{.budget_bytes = kRoom});
  Embedder embedder({.model = RandomModels::get("bge-m3-small-8bit", 5), .host = host});
  EmbeddingRequest request;
  request.texts = {"один два", "three four five"};
  const auto vector_of = [&] { return embedder.embed(request).texts[1].encoding.dense; };
  const std::vector<float> dense = vector_of();
  expect_each_failure_is_survived(
      *host, [&] { vector_of(); }, [&] { return vector_of() == dense; });
}

}  // namespace
}  // namespace oko::engine

#include "engine/grammar_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "text/tokenizer.h"

namespace oko::engine {
namespace {

using budget::Tag;
using grammar::kMostGrammarBytes;

class GrammarCacheTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tokenizer_ = std::make_unique<text::Tokenizer>(
        text::Tokenizer::load(std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl"));
    static const std::int32_t end = *tokenizer_->special_token("<|im_end|>");
    vocabulary_ = std::make_unique<grammar::Vocabulary>(*tokenizer_, std::span(&end, 1));
  }
  static void TearDownTestSuite() {
    vocabulary_.reset();
    tokenizer_.reset();
  }

  GrammarCache::SharedGrammar get(GrammarCache& cache, int number) {
    const std::string schema = R"({"const":)" + std::to_string(number) + "}";
    return cache.get(schema, [&] {
      ++compiled_;
      return vocabulary_->json(schema, "format");
    });
  }
  budget::Reservation reserve(std::uint64_t bytes) {
    budget::TagBytes size;
    size[Tag::kPrefill] = bytes;
    return budget_.reserve({.size = [=] { return size; }});
  }
  std::uint64_t held() const { return budget_.held()[Tag::kGrammars]; }

  static inline std::unique_ptr<text::Tokenizer> tokenizer_;
  static inline std::unique_ptr<grammar::Vocabulary> vocabulary_;
  budget::MemoryBudget budget_{2 * kMostGrammarBytes};
  int compiled_ = 0;
};

TEST_F(GrammarCacheTest, CompilesAGrammarOnceAndReservesWhatItTakes) {
  GrammarCache cache(budget_);
  const auto first = get(cache, 1);
  EXPECT_EQ(held(), first->bytes() + std::string(R"({"const":1})").size());
  const std::uint64_t one = held();
  EXPECT_EQ(get(cache, 1), first);
  EXPECT_EQ(held(), one);
  get(cache, 2);
  EXPECT_GT(held(), one);
  EXPECT_EQ(compiled_, 2);
}

TEST_F(GrammarCacheTest, DropsTheOldestBeyondItsLimit) {
  std::uint64_t one = 0;
  {
    GrammarCache alone(budget_);
    get(alone, 1);
    one = held();
  }
  EXPECT_EQ(held(), 0u);
  GrammarCache cache(budget_, 2 * one);
  for (const int number : {1, 2, 1, 3, 1}) get(cache, number);
  EXPECT_EQ(held(), 2 * one);
  EXPECT_EQ(compiled_, 4);
  get(cache, 2);
  EXPECT_EQ(compiled_, 5);
  get(cache, 1);
  EXPECT_EQ(compiled_, 5) << "3 was older";
}

TEST_F(GrammarCacheTest, TakesTheGrammarThatAnotherThreadHasCompiledMeanwhile) {
  GrammarCache cache(budget_);
  GrammarCache::SharedGrammar first;
  const auto later = cache.get(R"({"const":1})", [&] {
    first = get(cache, 1);
    return vocabulary_->json(R"({"const":1})", "format");
  });
  EXPECT_EQ(later, first);
  EXPECT_EQ(held(), first->bytes() + std::string(R"({"const":1})").size());
}

TEST_F(GrammarCacheTest, GoesForOtherWorkUnlessItIsInUse) {
  GrammarCache cache(budget_);
  auto used = get(cache, 1);
  const std::uint64_t one = held();
  get(cache, 2);
  { const auto work = reserve(budget_.budget_bytes() - one); }
  EXPECT_EQ(held(), one);
  EXPECT_THROW(reserve(budget_.budget_bytes()), Error);
  EXPECT_EQ(get(cache, 1), used);
  used.reset();
  { const auto work = reserve(budget_.budget_bytes()); }
  EXPECT_EQ(held(), 0u);
  get(cache, 1);
  EXPECT_EQ(compiled_, 3);
}

TEST_F(GrammarCacheTest, RefusesWithTheNumbersWhatCannotFit) {
  budget::MemoryBudget small(kMostGrammarBytes / 2);
  GrammarCache cache(small);
  try {
    get(cache, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
    EXPECT_TRUE(error.message().contains("64MB")) << error.what();
    EXPECT_TRUE(error.message().contains("32MB")) << error.what();
  }
  EXPECT_EQ(compiled_, 0);
}

TEST_F(GrammarCacheTest, AGrammarThatDoesNotCompileLeavesNothing) {
  GrammarCache cache(budget_);
  EXPECT_THROW(cache.get("x", [] { return vocabulary_->json("[]", "format"); }), Error);
  EXPECT_EQ(budget_.held().total(), 0u);
}

}  // namespace
}  // namespace oko::engine

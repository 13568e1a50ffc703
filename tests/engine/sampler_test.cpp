#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include "base/error.h"
#include "tests/support/sanitizers.h"

namespace oko::engine {
namespace {

using Logits = std::vector<float>;

/// The count of each token in `draws` draws from `logits`.
std::map<std::int32_t, int> histogram(const SamplingOptions& options, const Logits& logits,
                                      int draws) {
  Sampler sampler(options, {});
  std::map<std::int32_t, int> counts;
  for (int i = 0; i < draws; ++i) {
    Logits scratch = logits;
    ++counts[sampler.sample(scratch)];
  }
  return counts;
}

TEST(SamplerTest, GreedyTakesTheLargestLogitAndTheFirstOfEquals) {
  Sampler sampler({}, {});
  Logits logits{0.5f, 3.0f, -1.0f, 3.0f};
  EXPECT_EQ(sampler.sample(logits), 1);
}

TEST(SamplerTest, TemperatureDrawsBySoftmax) {
  const Logits logits{0.0f, 1.0f, 2.0f};
  const double temperature = 0.7;
  const auto counts = histogram({.temperature = 0.7f, .seed = 5}, logits, 20'000);
  double total = 0;
  for (const float logit : logits) total += std::exp(logit / temperature);
  for (std::int32_t i = 0; i < 3; ++i) {
    const double expected = std::exp(logits[static_cast<std::size_t>(i)] / temperature) / total;
    // Four standard deviations of a binomial share.
    const double bound = 4 * std::sqrt(expected * (1 - expected) / 20'000);
    EXPECT_NEAR(counts.at(i) / 20'000.0, expected, bound) << "token " << i;
  }
}

TEST(SamplerTest, TopKKeepsTheLikeliest) {
  const auto counts = histogram({.temperature = 5.0f, .top_k = 2}, {1.0f, 4.0f, 2.0f, 3.0f}, 2'000);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.contains(1) && counts.contains(3));
}

TEST(SamplerTest, TopKKeepsTokensEqualToTheLast) {
  const auto counts =
      histogram({.temperature = 1.0f, .top_k = 2}, {1.0f, 4.0f, 3.0f, 2.0f, 3.0f, 3.0f}, 2'000);
  EXPECT_EQ(counts.size(), 4u);
  EXPECT_FALSE(counts.contains(0) || counts.contains(3));
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachTheShare) {
  // Probabilities 0.5, 0.3, 0.15, 0.05.
  const Logits logits{std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  EXPECT_EQ(histogram({.temperature = 1.0f, .top_p = 0.49f}, logits, 500).size(), 1u);
  EXPECT_EQ(histogram({.temperature = 1.0f, .top_p = 0.7f}, logits, 500).size(), 2u);
  EXPECT_EQ(histogram({.temperature = 1.0f, .top_p = 0.9f}, logits, 500).size(), 3u);
  EXPECT_EQ(histogram({.temperature = 1.0f}, logits, 2'000).size(), 4u);
}

/// As many logits as the vocabulary has, of `spread` (0: all tokens are alike).
Logits vocabulary(float spread) {
  std::mt19937 random(11);
  Logits logits(151'936);
  for (float& logit : logits) {
    logit = spread * static_cast<float>(static_cast<double>(random()) / 0x1p32);
  }
  return logits;
}

TEST(SamplerTest, TopPOfAVocabularyEqualsASort) {
  constexpr int kDraws = repetitions(25, 5);
  for (const float spread : {1.0f, 20.0f, 400.0f}) {
    const Logits logits = vocabulary(spread);
    std::vector<std::pair<double, std::int32_t>> ranked;
    double total = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
      ranked.emplace_back(std::exp(static_cast<double>(logits[id]) - spread), id);
      total += ranked.back().first;
    }
    std::sort(ranked.rbegin(), ranked.rend());
    for (const float top_p : {0.3f, 0.95f, 0.9999f}) {
      // A few f32 roundings near the border decide differently.
      std::set<std::int32_t> allowed;
      double reached = 0;
      for (std::size_t i = 0; i < ranked.size() && reached < (top_p + 1e-5) * total; ++i) {
        reached += ranked[i].first;
        allowed.insert(ranked[i].second);
      }
      const auto counts =
          histogram({.temperature = 1.0f, .top_p = top_p, .seed = 3}, logits, kDraws);
      double drawn = 0;
      for (const auto& [id, count] : counts) {
        EXPECT_TRUE(allowed.contains(id)) << "spread " << spread << ", top_p " << top_p;
        drawn += count;
      }
      EXPECT_EQ(drawn, kDraws);
      if (spread == 1.0f) {
        EXPECT_GT(counts.size(), kDraws - 2u);  // of tens of thousands, all about alike
      }
    }
  }
}

TEST(SamplerTest, DrawsEquallyLikelyTokensEquallyOften) {
  const auto counts = histogram({.temperature = 1.0f, .seed = 9}, vocabulary(0.0f), 400);
  int upper = 0;
  for (const auto& [id, count] : counts) upper += id >= 151'936 / 2 ? count : 0;
  EXPECT_NEAR(upper, 200, 40);  // four standard deviations
}

TEST(SamplerTest, DrawsFromEveryPartOfTheVocabularyByItsShare) {
  Logits logits(151'936, -std::numeric_limits<float>::infinity());
  const std::map<std::int32_t, double> shares{{5, 0.2}, {1'023, 0.1}, {1'024, 0.3}, {90'000, 0.4}};
  for (const auto& [id, share] : shares) {
    logits[static_cast<std::size_t>(id)] = static_cast<float>(std::log(share));
  }
  const auto counts = histogram({.temperature = 1.0f, .seed = 3}, logits, 1'000);
  EXPECT_EQ(counts.size(), 4u);
  for (const auto& [id, share] : shares) {
    EXPECT_NEAR(counts.at(id), 1'000 * share, 4 * std::sqrt(1'000 * share * (1 - share))) << id;
  }
}

TEST(SamplerTest, MinPDropsTokensFarBelowTheLikeliest) {
  const Logits logits{std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  EXPECT_EQ(histogram({.temperature = 1.0f, .min_p = 0.25f}, logits, 500).size(), 3u);
  EXPECT_EQ(histogram({.temperature = 1.0f, .min_p = 0.9f}, logits, 500).size(), 1u);
}

TEST(SamplerTest, RepetitionPenaltyCountsThePromptAndBothSigns) {
  const std::vector<std::int32_t> prompt{0};
  {
    Sampler sampler({.repetition_penalty = 2.0f}, prompt);
    Logits logits{3.0f, 2.0f};  // 3 / 2 < 2
    EXPECT_EQ(sampler.sample(logits), 1);
  }
  {
    Sampler sampler({.repetition_penalty = 2.0f}, prompt);
    Logits logits{-1.0f, -1.5f};  // -1 * 2 < -1.5
    EXPECT_EQ(sampler.sample(logits), 1);
  }
}

TEST(SamplerTest, PresencePenaltyCountsGeneratedTokensOnly) {
  const std::vector<std::int32_t> prompt{0};
  Sampler sampler({.presence_penalty = 1.5f}, prompt);
  Logits first{3.0f, 2.0f};
  EXPECT_EQ(sampler.sample(first), 0);
  Logits second{3.0f, 2.0f};
  EXPECT_EQ(sampler.sample(second), 1);
}

TEST(SamplerTest, TheRepetitionPenaltyComesBeforeThePresencePenalty) {
  Sampler sampler({.repetition_penalty = 2.0f, .presence_penalty = 1.0f}, {});
  Logits first{4.0f, 1.25f};
  EXPECT_EQ(sampler.sample(first), 0);
  Logits second{4.0f, 1.25f};  // 4 / 2 - 1 < 1.25 < (4 - 1) / 2
  EXPECT_EQ(sampler.sample(second), 1);
}

/// Changes the logit of token 0.
class Change : public LogitsProcessor {
 public:
  Change(float factor, float summand) : factor_(factor), summand_(summand) {}
  void apply(std::span<float> logits) override { logits[0] = logits[0] * factor_ + summand_; }
  void observe(std::int32_t) override {}

 private:
  float factor_, summand_;
};

TEST(SamplerTest, ProcessorsFollowThePenaltiesInTheirOrder) {
  const std::vector<std::int32_t> prompt{0};
  LogitsProcessors processors;
  processors.push_back(std::make_unique<Change>(1.0f, 1.0f));
  processors.push_back(std::make_unique<Change>(3.0f, 0.0f));
  Sampler sampler({.repetition_penalty = 2.0f}, prompt, std::move(processors));
  Logits logits{4.0f, 8.0f};  // (4 / 2 + 1) * 3 > 8; in each other order at most 7.5
  EXPECT_EQ(sampler.sample(logits), 0);
}

/// Allows the tokens 2, 1, 0 in this order, as a grammar does.
class CountDown : public LogitsProcessor {
 public:
  void apply(std::span<float> logits) override {
    for (std::size_t id = 0; id < logits.size(); ++id) {
      if (id != next_) logits[id] = -std::numeric_limits<float>::infinity();
    }
  }
  void observe(std::int32_t id) override { next_ = static_cast<std::size_t>(id) - 1; }

 private:
  std::size_t next_ = 2;
};

TEST(SamplerTest, AMaskFollowsTheChosenTokens) {
  for (const float temperature : {0.0f, 1.0f}) {
    LogitsProcessors processors;
    processors.push_back(std::make_unique<CountDown>());
    Sampler sampler({.temperature = temperature}, {}, std::move(processors));
    for (const std::int32_t expected : {2, 1, 0}) {
      Logits logits{0.5f, 9.0f, 0.1f, 7.0f};
      EXPECT_EQ(sampler.sample(logits), expected);
    }
  }
}

TEST(SamplerTest, TheSameSeedDrawsTheSameTokens) {
  const auto draw = [](std::uint64_t seed) {
    Sampler sampler({.temperature = 1.0f, .seed = seed}, {});
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 50; ++i) {
      Logits logits{0.1f, 0.2f, 0.3f, 0.4f, 0.5f};
      ids.push_back(sampler.sample(logits));
    }
    return ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(SamplerTest, LogitsThatAreNotNumbersAreAnErrorOfTheModel) {
  for (const float bad : {NAN, INFINITY}) {
    Sampler sampler({}, {});
    Logits logits{bad, bad};
    try {
      sampler.sample(logits);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    }
  }
}

TEST(SamplerTest, ALogitThatIsNaNAmongNumbersIsAnErrorToo) {
  Sampler sampler({}, {});
  Logits logits{1.0f, NAN, 2.0f};
  EXPECT_THROW(sampler.sample(logits), Error);
}

TEST(SamplerTest, OptionsOutOfRangeAreUsageErrors) {
  for (const SamplingOptions& wrong :
       {SamplingOptions{.temperature = -1}, SamplingOptions{.temperature = NAN},
        SamplingOptions{.top_k = -1}, SamplingOptions{.top_p = 0}, SamplingOptions{.top_p = 1.1f},
        SamplingOptions{.min_p = 2}, SamplingOptions{.repetition_penalty = 0}}) {
    try {
      validate(wrong);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
    }
  }
  validate({});
}

TEST(SamplerTest, FrequencyPenaltyGrowsWithEachTokenAndBiasStays) {
  Sampler sampler({.frequency_penalty = 1.0f, .logit_bias = {{0, 2.5f}, {7, 100.0f}}}, {});
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 6; ++i) {
    Logits logits{0.0f, 0.0f, 1.0f};
    ids.push_back(sampler.sample(logits));
  }
  // 2.5, 1.5, 0.5 ... of token 0 against 1, 0 of token 2 and 0 of token 1.
  EXPECT_EQ(ids, (std::vector<std::int32_t>{0, 0, 2, 0, 1, 2}));
}

TEST(SamplerTest, ReportsProbabilitiesOfTheModel) {
  Sampler sampler({.presence_penalty = 5.0f,
                   .logit_bias = {{1, 100.0f}},
                   .temperature = 3.0f,
                   .top_k = 1,
                   .top_logprobs = 2},
                  {});
  Logits logits{1.0f, 0.0f, 2.0f, -std::numeric_limits<float>::infinity()};
  EXPECT_EQ(sampler.sample(logits), 1);
  const double total = std::exp(1.0) + std::exp(0.0) + std::exp(2.0);
  const TokenReport& report = sampler.report();
  EXPECT_EQ(report.chosen.id, 1);
  EXPECT_NEAR(report.chosen.logprob, -std::log(total), 1e-4);
  ASSERT_EQ(report.top.size(), 2u);
  EXPECT_EQ(report.top[0].id, 2);
  EXPECT_NEAR(report.top[0].logprob, 2 - std::log(total), 1e-4);
  EXPECT_EQ(report.top[1].id, 0);
}

}  // namespace
}  // namespace oko::engine

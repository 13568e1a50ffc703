#include "index/ranking_metrics.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json_file.h"

namespace oko::index {
namespace {

using Ranking = std::vector<std::string>;

TEST(RankingMetricsTest, AgreesWithPytrecEval) {
  const nlohmann::json golden =
      read_json(OKO_TEST_DATA "/ranking_metrics.json", ErrorCode::kBadInput);
  ASSERT_GE(golden["cases"].size(), 10u);
  for (const nlohmann::json& each : golden["cases"]) {
    const auto ranking = each["ranking"].get<Ranking>();
    const auto judgments = each["judgments"].get<Judgments>();
    const auto expected = [&](const char* name) { return each["expected"][name].get<double>(); };
    EXPECT_NEAR(ndcg_at(3, ranking, judgments), expected("ndcg_at_3"), 1e-12);
    EXPECT_NEAR(ndcg_at(100, ranking, judgments), expected("ndcg_at_100"), 1e-12);
    const RankingMetrics metrics = ranking_metrics(ranking, judgments);
    EXPECT_NEAR(metrics.ndcg_at_10, expected("ndcg_at_10"), 1e-12);
    EXPECT_NEAR(metrics.recall_at_10, expected("recall_at_10"), 1e-12);
    EXPECT_NEAR(metrics.recall_at_100, expected("recall_at_100"), 1e-12);
    EXPECT_NEAR(metrics.mrr_at_10, expected("mrr_at_10"), 1e-12);
  }
}

TEST(RankingMetricsTest, CountsRepeatedIdOnce) {
  const Judgments judgments{{"a", 2}, {"b", 1}};
  const Ranking once{"a", "x", "b"}, twice{"a", "a", "x", "b"};
  EXPECT_EQ(ndcg_at(10, twice, judgments), ndcg_at(10, once, judgments));
  EXPECT_EQ(recall_at(10, twice, judgments), 1);
  EXPECT_EQ(recall_at(2, twice, judgments), 0.5);
}

TEST(RankingMetricsTest, IsZeroWithoutRelevantDocumentsOrRanking) {
  const Ranking ranking{"a", "b"};
  for (const Judgments& judgments : {Judgments{}, Judgments{{"a", 0}, {"b", -1}}}) {
    const RankingMetrics metrics = ranking_metrics(ranking, judgments);
    EXPECT_EQ(metrics.ndcg_at_10, 0);
    EXPECT_EQ(metrics.recall_at_100, 0);
    EXPECT_EQ(metrics.mrr_at_10, 0);
  }
  EXPECT_EQ(ranking_metrics({}, {{"a", 1}}).ndcg_at_10, 0);
}

TEST(RankingMetricsTest, MeanIsOfEachFigure) {
  const std::vector<RankingMetrics> metrics{
      {.ndcg_at_10 = 1, .recall_at_10 = 0.5, .recall_at_100 = 1, .mrr_at_10 = 0.25},
      {.ndcg_at_10 = 0, .recall_at_10 = 0.25, .recall_at_100 = 0.5, .mrr_at_10 = 1}};
  const RankingMetrics mean = mean_of(metrics);
  EXPECT_EQ(mean.ndcg_at_10, 0.5);
  EXPECT_EQ(mean.recall_at_10, 0.375);
  EXPECT_EQ(mean.recall_at_100, 0.75);
  EXPECT_EQ(mean.mrr_at_10, 0.625);
  EXPECT_EQ(mean_of({}).ndcg_at_10, 0);
}

}  // namespace
}  // namespace oko::index

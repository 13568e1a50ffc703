#include "index/best_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace oko::index {
namespace {

std::vector<ScoredRow> sorted_part(BestRows rows) {
  return std::move(rows).sorted();
}

TEST(BestRowsTest, AreTheFirstOfASort) {
  std::mt19937 random(1);
  std::vector<ScoredRow> all;
  for (std::uint32_t row = 0; row < 2000; ++row) {
    all.push_back({row, static_cast<float>(random() % 50)});  // many are equal
  }
  std::shuffle(all.begin(), all.end(), random);
  for (const std::size_t k : {1, 10, 700}) {
    BestRows best(k);
    for (const ScoredRow& row : all) best.offer(row);
    std::vector<ScoredRow> expected = all;
    std::sort(expected.begin(), expected.end(), is_before);
    expected.resize(k);
    EXPECT_EQ(sorted_part(best), expected) << k;
  }
}

TEST(BestRowsTest, AnEqualThatComesLaterButStandsEarlierIsTaken) {
  BestRows late(2), early(2);
  for (std::uint32_t row = 100; row < 200; ++row) late.offer({row, 1.0f});
  for (std::uint32_t row = 0; row < 100; ++row) early.offer({row, 1.0f});
  BestRows all(2);
  all.offer_all(late);
  EXPECT_EQ(all.threshold(), 1.0f);
  all.offer_all(early);
  EXPECT_EQ(sorted_part(all), (std::vector<ScoredRow>{{0, 1.0f}, {1, 1.0f}}));
}

TEST(BestRowsTest, RestartTakesOnlyWhatReachesTheThreshold) {
  BestRows best(3);
  best.offer({1, 5.0f});
  best.restart(2.0f);
  for (const float score : {1.9f, 2.0f, std::nanf("")}) best.offer({7, score});
  EXPECT_EQ(sorted_part(best), (std::vector<ScoredRow>{{7, 2.0f}}));
}

TEST(BestRowsTest, HoldsNoMoreThanItReserved) {
  BestRows best(8);
  for (std::uint32_t row = 0; row < 100'000; ++row) best.offer({row, static_cast<float>(row)});
  EXPECT_LE(best.size(), 2u * 8 + 64);
}

}  // namespace
}  // namespace oko::index

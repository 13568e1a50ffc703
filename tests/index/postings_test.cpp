#include "index/postings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace oko::index {
namespace {

std::vector<Posting> decoded(std::string_view bytes) {
  std::vector<Posting> postings;
  PostingReader reader(bytes);
  for (Posting posting; reader.next(posting);) postings.push_back(posting);
  EXPECT_FALSE(reader.is_damaged());
  return postings;
}

TEST(PostingsTest, ListsComeBackWithWeightsOfEightBits) {
  const std::vector<Posting> postings{
      {1, 0.25f}, {2, 0.1f}, {130, 1.5f}, {20'000, 0.001f}, {5'000'000'000, 7.0f}};
  const std::vector<Posting> read = decoded(encode_postings(postings));
  ASSERT_EQ(read.size(), postings.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].chunk, postings[i].chunk);
    EXPECT_NEAR(read[i].weight, postings[i].weight, postings[i].weight / 256);
  }
}

TEST(PostingsTest, NeighboursTakeThreeBytes) {
  std::vector<Posting> postings;
  for (ChunkId chunk = 1; chunk <= 1000; ++chunk) postings.push_back({chunk, 0.5f});
  EXPECT_EQ(encode_postings(postings).size(), 3000u);
}

TEST(PostingsTest, EveryCutIsSeenAsDamage) {
  const std::string bytes = encode_postings(std::vector<Posting>{{300, 0.5f}});
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    PostingReader reader(std::string_view(bytes).substr(0, size));
    Posting posting;
    EXPECT_FALSE(reader.next(posting)) << size;
    EXPECT_TRUE(reader.is_damaged()) << size;
  }
}

TEST(PostingsTest, NoBytesLeadToIdsThatDoNotRise) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? 0xff : random());
    PostingReader reader(bytes);
    ChunkId before = 0;
    for (Posting posting; reader.next(posting); before = posting.chunk) {
      ASSERT_GT(posting.chunk, before);
    }
  }
}

TEST(ScoreTableTest, BestAreThoseOfAFullSort) {
  std::mt19937 random(3);
  ScoreTable table;
  std::map<ChunkId, float> expected;
  for (int i = 0; i < 20'000; ++i) {
    const ChunkId chunk = 1 + random() % 50'000;
    const float score = static_cast<float>(1 + random() % 8) / 8;
    table.add(chunk, score);
    expected[chunk] += score;
  }
  std::vector<ScoredChunk> sorted;
  for (const auto& [chunk, score] : expected) {
    if (chunk % 3 != 0) sorted.push_back({chunk, score});
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  sorted.resize(100);
  const std::vector<ScoredChunk> best =
      table.best(100, [](ChunkId chunk) { return chunk % 3 != 0; });
  ASSERT_EQ(best.size(), sorted.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    EXPECT_EQ(best[i].chunk, sorted[i].chunk) << i;
    EXPECT_EQ(best[i].score, sorted[i].score) << i;
  }
}

TEST(ScoreTableTest, NothingIsBestOfNothing) {
  ScoreTable table;
  EXPECT_TRUE(table.best(10, [](ChunkId) { return true; }).empty());
  table.add(5, 1);
  EXPECT_TRUE(table.best(0, [](ChunkId) { return true; }).empty());
  EXPECT_EQ(table.best(10, [](ChunkId) { return true; }).size(), 1u);
}

}  // namespace
}  // namespace oko::index

#include "index/hybrid_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace oko::index {
namespace {

/// A store of scores that a test chooses.
class FakeStore : public Store {
 public:
  const LibraryModel& model() const override { return model_; }
  LibraryCounts counts() override { return {}; }
  void visit_documents(const std::function<void(const KnownDocument&)>&) override {}
  DocumentId put(const Document&, std::span<const EncodedChunk>) override { return 0; }
  void append(DocumentId, std::span<const EncodedChunk>) override {}
  void move(DocumentId, const Document&) override {}
  void remove(DocumentId) override {}
  void commit() override {}
  std::vector<ScoredChunk> find_dense(std::span<const float>, std::size_t count,
                                      const Filter&) override {
    return first(dense, count);
  }
  std::vector<ScoredChunk> find_sparse(const models::bge_m3::SparseVector&, std::size_t count,
                                       const Filter&) override {
    return first(sparse, count);
  }
  std::vector<ScoredChunk> find_words(std::string_view, std::size_t count, const Filter&) override {
    return first(words, count);
  }
  std::vector<float> dense_scores(std::span<const float>,
                                  std::span<const ChunkId> chunks) override {
    std::vector<float> scores;
    for (const ChunkId chunk : chunks) scores.push_back(cosines.at(chunk));
    return scores;
  }
  std::vector<float> colbert_scores(const models::bge_m3::TokenVectors&,
                                    std::span<const ChunkId> chunks) override {
    reranked.assign(chunks.begin(), chunks.end());
    std::vector<float> scores;
    for (const ChunkId chunk : chunks) scores.push_back(colbert[chunk]);
    return scores;
  }
  std::vector<std::string> terms_of(std::string_view) override { return {}; }
  bool has_telling_words(std::string_view) override { return is_telling; }
  std::vector<StoredChunk> chunks(std::span<const ChunkId> ids) override {
    std::vector<StoredChunk> stored;
    for (const ChunkId id : ids) {
      if (id == missing) continue;
      stored.emplace_back();
      stored.back().id = id;
      stored.back().document = document_of.contains(id) ? document_of[id] : id;
      stored.back().chunk.page = page_of.contains(id) ? page_of[id] : 0;
    }
    return stored;
  }
  std::vector<KnownDocument> documents(std::span<const DocumentId>) override { return {}; }
  std::vector<StoredChunk> chunks_of(DocumentId) override { return {}; }

  std::vector<ScoredChunk> dense, sparse, words;
  std::map<ChunkId, float> cosines, colbert;
  std::map<ChunkId, DocumentId> document_of;
  std::map<ChunkId, int> page_of;
  std::vector<ChunkId> reranked;
  ChunkId missing = 0;
  bool is_telling = true;
  LibraryModel model_{.name = {},
                      .fingerprint = {},
                      .dimensions = 2,
                      .colbert_dimensions = 2,
                      .has_sparse = true,
                      .kernels = {}};

 private:
  static std::vector<ScoredChunk> first(std::vector<ScoredChunk> all, std::size_t count) {
    if (all.size() > count) all.resize(count);
    return all;
  }
};

SearchQuery full_query() {
  SearchQuery query;
  query.text = "чай";
  query.encoding.dense = {1, 0};
  query.encoding.sparse = {{7, 1.0f}};
  query.encoding.colbert = {.dimensions = 2, .values = {1, 0}};
  return query;
}

std::vector<ChunkId> ids_of(const std::vector<Hit>& hits) {
  std::vector<ChunkId> ids;
  for (const Hit& hit : hits) ids.push_back(hit.chunk.id);
  return ids;
}

using Ids = std::vector<ChunkId>;

TEST(HybridSearchTest, LongTextDoesNotHideTheOthers) {
  FakeStore store;
  for (ChunkId chunk = 1; chunk <= 300; ++chunk) {
    store.dense.push_back({chunk, 0.9f});
    store.document_of[chunk] = 1;
  }
  store.dense.push_back({301, 0.5f});
  store.dense.push_back({302, 0.4f});
  SearchQuery query;
  query.text = "пчёлы";
  query.encoding.dense = {1, 0};
  EXPECT_EQ(ids_of(search(store, query, {.mode = SearchMode::kDense, .top = 3})),
            (Ids{1, 301, 302}));
}

TEST(HybridSearchTest, ScoresBelowTheCandidatesAreNoLessThanNothing) {
  FakeStore store;
  store.dense = {{1, 0.900f}, {2, 0.899f}};
  store.words = {{3, 0.2f}};
  store.cosines = {{3, 0.1f}};
  SearchQuery query;
  query.text = "рубли";
  query.encoding.dense = {1, 0};
  SearchOptions options;
  options.candidates = 2;
  for (const Hit& hit : search(store, query, options)) {
    EXPECT_GE(hit.scores.total, 0) << hit.chunk.id;
    EXPECT_EQ(hit.scores.parts.dense > 0, hit.chunk.id == 1) << "the last has none";
  }
}

TEST(HybridSearchTest, TotalsAreMeansOfAllScoresAndThePartOfTheWords) {
  FakeStore store;
  store.dense = {{1, 0.8f}, {2, 0.7f}};
  store.sparse = {{2, 0.5f}, {3, 0.25f}};
  store.words = {{3, 0.5f}};
  store.cosines = {{3, 0.6f}};
  store.colbert = {{1, 0.1f}, {2, 0.3f}, {3, 0.9f}};
  SearchOptions options;
  options.weights = {.dense = 1.0f, .sparse = 0.5f, .words = 0.2f, .colbert = 2.0f};
  const std::vector<Hit> hits = search(store, full_query(), options);
  ASSERT_EQ(ids_of(hits), (Ids{3, 2, 1}));
  // dense 0.6..0.8, sparse 0.25..0.5, colbert 0.1..0.9; words have a part of 0.2 · 0.5⁴
  const float part = 0.2f * 0.0625f;
  EXPECT_NEAR(hits[0].scores.total, (1 - part) * 2.0f / 3.5f + part, 1e-5);
  EXPECT_NEAR(hits[1].scores.total, (1 - part) * (0.5f + 0.5f + 2 * 0.25f) / 3.5f, 1e-5);
  EXPECT_NEAR(hits[2].scores.total, (1 - part) * 1.0f / 3.5f, 1e-5);
  EXPECT_FALSE(hits[2].scores.words);
}

TEST(HybridSearchTest, TextWithAllWordsComesBeforeTheNearestByMeaning) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {2, 0.8f}, {3, 0.7f}};
  store.words = {{3, 1.0f}, {2, 0.2f}};
  SearchQuery query = full_query();
  query.encoding.colbert = {};
  EXPECT_EQ(ids_of(search(store, query, {})), (Ids{3, 2, 1}));
}

TEST(HybridSearchTest, WordsDecideOnlyIfTheySingleOutAChunk) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {2, 0.8f}, {3, 0.7f}};
  SearchQuery query = full_query();
  query.encoding.colbert = {};
  const auto found = [&](float best, float usual, ChunkId others = 10) {
    store.words = {{2, 0.01f}, {3, best}};
    for (ChunkId id = 4; id < 4 + others; ++id) {
      store.words.push_back({id, usual});
      store.cosines[id] = 0.1f;
    }
    return search(store, query, {}).front().chunk.id;
  };
  EXPECT_EQ(found(0.4f, 0.1f), 3);
  EXPECT_EQ(found(0.15f, 0.1f), 1);
  // What ten others have, too, is no sign.
  EXPECT_EQ(found(0.3f, 0.0f), 3);
  EXPECT_EQ(found(0.3f, 0.28f), 1);
  EXPECT_EQ(found(0.3f, 0.28f, 9), 1) << "ten have it";
  EXPECT_EQ(found(0.3f, 0.28f, 8), 3);
}

TEST(HybridSearchTest, ManyChunksWithAllWordsComeBeforeTheNearestByMeaning) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {2, 0.1f}};
  for (ChunkId id = 3; id < 15; ++id) {
    store.words.push_back({id, 0.44f});  // a code that the long file has in each passage
    store.cosines[id] = 0.2f;
  }
  SearchQuery query = full_query();
  query.encoding.colbert = {};
  const std::vector<Hit> hits = search(store, query, {.top = 13});
  EXPECT_EQ(hits.back().chunk.id, 1);
}

TEST(HybridSearchTest, MeaningOrdersChunksWithTheSameWords) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {3, 0.8f}, {2, 0.7f}};
  store.words = {{2, 1.0f}, {3, 1.0f}};
  SearchQuery query = full_query();
  query.encoding.colbert = {};
  EXPECT_EQ(ids_of(search(store, query, {})), (Ids{3, 2, 1}));
}

TEST(HybridSearchTest, PhrasesAreNeededInEveryMode) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {2, 0.8f}};
  store.sparse = {{1, 0.9f}, {4, 0.1f}};
  store.words = {{3, 0.4f}, {4, 0.3f}};
  store.cosines = {{3, 0.5f}, {4, 0.6f}};
  store.colbert = {{3, 0.2f}, {4, 0.1f}};
  SearchQuery query = full_query();
  query.text = "«зелёный чай» в пакетиках";
  const auto ids_in = [&](SearchMode mode) {
    SearchOptions options;
    options.mode = mode;
    std::vector<ChunkId> ids = ids_of(search(store, query, options));
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  for (const SearchMode mode : {SearchMode::kHybrid, SearchMode::kDense, SearchMode::kSparse,
                                SearchMode::kColbert, SearchMode::kText}) {
    EXPECT_EQ(ids_in(mode), (Ids{3, 4})) << static_cast<int>(mode);
  }
  EXPECT_EQ(ids_of(search(store, query, {.mode = SearchMode::kSparse})), (Ids{4, 3}));
}

TEST(HybridSearchTest, ManyChunksWithAPhraseAreLookedAt) {
  FakeStore store;
  for (ChunkId id = 1; id <= 200; ++id) {
    store.words.push_back({id, 0.4f});
    store.cosines[id] = id == 150 ? 0.9f : 0.1f;
  }
  SearchQuery query = full_query();
  query.text = "«чай»";
  EXPECT_EQ(ids_of(search(store, query, {.mode = SearchMode::kDense, .top = 1})), Ids{150});
}

TEST(HybridSearchTest, NumberOfHitsDoesNotChangeTheirOrder) {
  FakeStore store;
  for (ChunkId id = 1; id <= 400; ++id) {
    store.dense.push_back({id, 1.0f / static_cast<float>(id)});
    store.cosines[id] = 1.0f / static_cast<float>(id);
    store.words.push_back({401 - id, 0.9f - static_cast<float>(id) / 500});
  }
  SearchQuery query = full_query();
  query.encoding.colbert = {};
  SearchOptions few, many;
  few.top = 10;
  many.top = 400;
  std::vector<ChunkId> of_many = ids_of(search(store, query, many));
  of_many.resize(10);
  EXPECT_EQ(ids_of(search(store, query, few)), of_many);
}

TEST(HybridSearchTest, OneCandidateHasFullScores) {
  FakeStore store;
  store.dense = {{1, 0.9f}};
  SearchQuery query = full_query();
  query.encoding.colbert = {};
  EXPECT_FLOAT_EQ(search(store, query, {}).at(0).scores.total, 1.0f);
}

TEST(HybridSearchTest, OneMeasureAloneGivesItsOwnOrder) {
  FakeStore store;
  store.dense = {{1, 0.8f}, {2, 0.6f}};
  store.sparse = {{2, 0.5f}};
  store.words = {{3, 10.0f}, {1, 2.0f}};
  store.colbert = {{1, 0.1f}, {2, 0.2f}};
  const auto ids_in = [&](SearchMode mode) {
    SearchOptions options;
    options.mode = mode;
    return ids_of(search(store, full_query(), options));
  };
  EXPECT_EQ(ids_in(SearchMode::kDense), (Ids{1, 2}));
  EXPECT_EQ(ids_in(SearchMode::kSparse), Ids{2});
  EXPECT_EQ(ids_in(SearchMode::kText), (Ids{3, 1}));
  EXPECT_EQ(ids_in(SearchMode::kColbert), (Ids{2, 1}));
}

TEST(HybridSearchTest, WordsThatTellNothingAreLeftToTheMeaning) {
  FakeStore store;
  store.is_telling = false;
  store.dense = {{1, 0.9f}, {2, 0.8f}};
  store.words = {{3, 0.9f}};
  store.cosines[3] = 0.1f;
  SearchQuery query = full_query();
  EXPECT_EQ(ids_of(search(store, query, {})), (Ids{1, 2}));
  EXPECT_EQ(ids_of(search(store, query, {.mode = SearchMode::kText})), Ids{3});
  query.encoding = {};
  EXPECT_EQ(ids_of(search(store, query, {})), Ids{3});
}

TEST(HybridSearchTest, OutputsThatAQueryLacksAreLeftOut) {
  FakeStore store;
  store.words = {{3, 10.0f}};
  SearchQuery query;
  query.text = "чай";
  EXPECT_EQ(ids_of(search(store, query, {})), Ids{3});
  EXPECT_TRUE(store.reranked.empty());
  store.dense = {{1, 0.9f}};
  store.cosines = {{3, 0.1f}};
  store.model_.colbert_dimensions = 0;
  search(store, full_query(), {});
  EXPECT_TRUE(store.reranked.empty()) << "the library has no token vectors";
}

TEST(HybridSearchTest, ColbertScoresTheBestCandidatesOnly) {
  FakeStore store;
  for (ChunkId id = 1; id <= 50; ++id) {
    store.dense.push_back({id, 1.0f - static_cast<float>(id) / 100});
    store.sparse.push_back({100 + id, 1.0f - static_cast<float>(id) / 100});
    store.cosines[100 + id] = 0.1f;
  }
  SearchOptions options;
  options.candidates = 20;
  search(store, full_query(), options);
  EXPECT_EQ(store.reranked.size(), 20u);
  EXPECT_EQ(store.reranked.front(), 1);
}

TEST(HybridSearchTest, PageHasOneHit) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {2, 0.8f}, {3, 0.7f}};
  store.document_of = {{1, 5}, {2, 5}, {3, 6}};
  SearchOptions options;
  EXPECT_EQ(ids_of(search(store, full_query(), options)), (Ids{1, 3}));
  store.page_of = {{1, 1}, {2, 2}};
  EXPECT_EQ(ids_of(search(store, full_query(), options)), (Ids{1, 2, 3}));
  store.page_of = {};
  options.one_of_page = false;
  EXPECT_EQ(ids_of(search(store, full_query(), options)), (Ids{1, 2, 3}));
}

TEST(HybridSearchTest, RemovedChunksMakeRoomForOthers) {
  FakeStore store;
  store.dense = {{1, 0.9f}, {2, 0.8f}, {3, 0.7f}};
  store.missing = 1;
  SearchOptions options;
  options.top = 2;
  EXPECT_EQ(ids_of(search(store, full_query(), options)), (Ids{2, 3}));
}

}  // namespace
}  // namespace oko::index

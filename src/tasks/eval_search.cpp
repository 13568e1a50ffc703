#include "tasks/eval_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"
#include "tasks/library_encoder.h"
#include "tasks/passages.h"
#include "text/chunker.h"

namespace oko::tasks {
namespace {

using index::SearchMode;

constexpr std::size_t kAtOnce = 32;
constexpr std::size_t kRanks = 100;  // that Recall@100 needs
constexpr double kShareOfPassages = 0.8;

/// A query with its vectors and judgments.
struct EvalQuery {
  index::BeirRecord record;
  index::SearchQuery search;
  index::Judgments judgments;
};

/// A document of the folder: its path in the store is its id.
void put_document(const index::BeirRecord& record, index::Store& store, engine::Embedder& embedder,
                  const EvalSearchOptions& options, const StopToken& stop) {
  const std::string whole =
      record.title.empty() ? record.text : record.title + "\n\n" + record.text;
  std::vector<std::string> texts;
  for (const text::TextRange& range :
       text::chunks(whole, options.passages, token_counter(embedder))) {
    texts.push_back(whole.substr(range.begin, range.end - range.begin));
  }
  const auto encodings = LibraryEncoder(embedder, store.model()).passages(texts, stop);
  std::vector<index::EncodedChunk> chunks(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    chunks[i].chunk.text = std::move(texts[i]);
    chunks[i].encoding = encodings[i];
  }
  index::Document document;
  document.path = record.id;
  store.put(document, chunks);
}

std::vector<EvalQuery> read_queries(const index::BeirFolder& folder, const index::Store& store,
                                    engine::Embedder& embedder, const EvalSearchOptions& options,
                                    const StopToken& stop) {
  const auto judgments = folder.judgments(options.split);
  std::vector<EvalQuery> queries;
  for (index::BeirRecord& record : folder.queries()) {
    const auto own = judgments.find(record.id);
    if (own == judgments.end()) continue;
    EvalQuery& query = queries.emplace_back();
    query.record = std::move(record);
    query.judgments = own->second;
  }
  if (queries.empty()) {
    throw Error(ErrorCode::kBadInput,
                tr("no query has a judgment in qrels/{}.tsv",
                   "ни у одного запроса нет оценок в qrels/{}.tsv", options.split));
  }
  for (std::size_t first = 0; first < queries.size(); first += kAtOnce) {
    const auto part = std::span(queries).subspan(first, std::min(kAtOnce, queries.size() - first));
    std::vector<std::string> texts;
    for (const EvalQuery& query : part) texts.push_back(query.record.text);
    auto encodings = LibraryEncoder(embedder, store.model()).queries(texts, stop);
    for (std::size_t i = 0; i < part.size(); ++i) {
      part[i].search = {.text = texts[i], .encoding = std::move(encodings[i])};
    }
  }
  return queries;
}

/// The sizes that a folder's documents say in their metadata, by their ids.
using Sizes = std::map<std::string, std::string, std::less<>>;

/// Makes the size of the documents that answer a query best a property of it: its group "answer".
void add_answer_sizes(const Sizes& sizes, std::vector<EvalQuery>& queries) {
  for (EvalQuery& query : queries) {
    int best = 1;
    for (const auto& [document, relevance] : query.judgments) best = std::max(best, relevance);
    std::set<std::string> of_answers;
    for (const auto& [document, relevance] : query.judgments) {
      const auto size = sizes.find(document);
      if (relevance == best && size != sizes.end()) of_answers.insert(size->second);
    }
    if (of_answers.size() == 1) query.record.metadata["answer"] = *of_answers.begin();
  }
}

/// The ids of documents in the order of their best passages.
std::vector<std::string> ranking_of(index::Store& store, const EvalQuery& query, SearchMode mode,
                                    const index::FusionWeights& weights) {
  const index::SearchOptions options{
      .mode = mode, .top = kRanks, .weights = weights, .candidates = kRanks};
  std::vector<std::string> ranking;
  for (const index::Hit& hit : index::search(store, query.search, options)) {
    const auto documents = store.documents(std::span(&hit.chunk.document, 1));
    if (!documents.empty()) ranking.push_back(documents[0].document.path);
  }
  return ranking;
}

EvalMode measure(index::Store& store, const std::vector<EvalQuery>& queries, SearchMode mode,
                 const index::FusionWeights& weights, const StopToken& stop) {
  std::map<std::string, std::vector<index::RankingMetrics>> groups;
  for (const EvalQuery& query : queries) {
    throw_if_stopped(stop);
    const std::vector<std::string> ranking = ranking_of(store, query, mode, weights);
    const index::RankingMetrics metrics = index::ranking_metrics(ranking, query.judgments);
    groups["all"].push_back(metrics);
    for (const auto& [key, value] : query.record.metadata) {
      groups[fmt::format("{} {}", key, value)].push_back(metrics);
    }
  }
  EvalMode measured{.mode = mode, .weights = weights, .groups = {}};
  for (const auto& [name, metrics] : groups) {
    measured.groups.push_back({name, metrics.size(), index::mean_of(metrics)});
  }
  return measured;
}

double ndcg_of_all(const EvalMode& measured) {
  const auto all = std::find_if(measured.groups.begin(), measured.groups.end(),
                                [](const EvalGroup& group) { return group.name == "all"; });
  return all->metrics.ndcg_at_10;
}

/// The weights with the best nDCG@10, one after another; that of the dense vectors is 1.
index::FusionWeights tuned_weights(index::Store& store, const std::vector<EvalQuery>& queries,
                                   index::FusionWeights weights, const StopToken& stop) {
  constexpr std::array kTried{0.0f, 0.1f, 0.2f, 0.35f, 0.5f,  0.75f, 1.0f,   1.5f,   2.5f,
                              4.0f, 6.0f, 9.0f, 15.0f, 30.0f, 60.0f, 120.0f, 240.0f, 480.0f};
  constexpr int kRounds = 2;
  const index::LibraryModel& model = store.model();
  double best = ndcg_of_all(measure(store, queries, SearchMode::kHybrid, weights, stop));
  const auto tune = [&](float index::FusionWeights::*weight) {
    for (const float tried : kTried) {
      index::FusionWeights other = weights;
      other.*weight = tried;
      const double ndcg = ndcg_of_all(measure(store, queries, SearchMode::kHybrid, other, stop));
      if (ndcg <= best) continue;
      best = ndcg;
      weights = other;
    }
  };
  for (int round = 0; round < kRounds; ++round) {
    tune(&index::FusionWeights::words);
    if (model.has_sparse) tune(&index::FusionWeights::sparse);
    if (model.colbert_dimensions > 0) tune(&index::FusionWeights::colbert);
  }
  return weights;
}

}  // namespace

std::vector<EvalMode> eval_search(const index::BeirFolder& folder, index::Store& store,
                                  engine::Embedder& embedder, const EvalSearchOptions& options,
                                  const std::function<void(double)>& on_progress,
                                  const StopToken& stop) {
  std::size_t total = 0, done = 0;
  Sizes sizes;
  folder.for_each_document([&](const index::BeirRecord& record) {
    ++total;
    const auto size = record.metadata.find("size");
    if (size != record.metadata.end()) sizes[record.id] = size->second;
  });
  folder.for_each_document([&](const index::BeirRecord& record) {
    throw_if_stopped(stop);
    put_document(record, store, embedder, options, stop);
    on_progress(kShareOfPassages * static_cast<double>(++done) / static_cast<double>(total));
  });
  store.commit();
  std::vector<EvalQuery> queries = read_queries(folder, store, embedder, options, stop);
  add_answer_sizes(sizes, queries);
  const index::LibraryModel& model = store.model();
  std::vector<SearchMode> modes{SearchMode::kText, SearchMode::kDense};
  if (model.has_sparse) modes.push_back(SearchMode::kSparse);
  if (model.colbert_dimensions > 0) modes.push_back(SearchMode::kColbert);
  const index::FusionWeights weights =
      options.tunes ? tuned_weights(store, queries, options.weights, stop) : options.weights;
  modes.push_back(SearchMode::kHybrid);
  std::vector<EvalMode> measured;
  for (const SearchMode mode : modes) {
    measured.push_back(measure(store, queries, mode, weights, stop));
    on_progress(kShareOfPassages + (1 - kShareOfPassages) * static_cast<double>(measured.size()) /
                                       static_cast<double>(modes.size()));
  }
  return measured;
}

}  // namespace oko::tasks

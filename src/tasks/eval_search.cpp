#include "tasks/eval_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/text_escape.h"
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

/// Ids that something is wrong with, for a note: "d7, d9, d12, ...".
class WrongIds {
 public:
  void add(const std::string& id) {
    constexpr std::size_t kMost = 3;
    ++count_;
    if (count_ <= kMost) names_ += (count_ > 1 ? ", " : "") + excerpt(id, 60);
    if (count_ == kMost + 1) names_ += ", ...";
  }
  Count count() const { return Count(count_); }
  bool empty() const { return count_ == 0; }
  const std::string& names() const { return names_; }

 private:
  std::size_t count_ = 0;
  std::string names_;
};

using AllJudgments = std::map<std::string, index::Judgments, std::less<>>;
using OnNote = std::function<void(const LocalizedText&)>;

/// Says which queries a set does not ask, or asks in vain.
void check_queries(const std::vector<index::BeirRecord>& queries, const AllJudgments& judgments,
                   const std::string& file, const OnNote& on_note) {
  std::set<std::string, std::less<>> ids;
  std::size_t left_out = 0;
  for (const index::BeirRecord& query : queries) {
    ids.insert(query.id);
    left_out += !judgments.contains(query.id);
  }
  WrongIds unknown, in_vain;
  for (const auto& [query, documents] : judgments) {
    const auto is_relevant = [](const auto& each) { return each.second > 0; };
    if (!ids.contains(query)) {
      unknown.add(query);
    } else if (std::none_of(documents.begin(), documents.end(), is_relevant)) {
      in_vain.add(query);
    }
  }
  if (left_out == queries.size()) {
    throw Error(ErrorCode::kBadInput,
                tr("no query has a judgment in {}", "ни у одного запроса нет оценок в {}", file));
  }
  if (!unknown.empty()) {
    on_note(tr("{}: {:query|queries} of it not in queries.jsonl: {}",
               "{}: {:запроса|запросов|запросов} оттуда нет в queries.jsonl: {}", file,
               unknown.count(), unknown.names()));
  }
  if (!in_vain.empty()) {
    on_note(tr("{}: {:query|queries} without a relevant document, whose figures are 0: {}",
               "{}: {:запрос|запроса|запросов} без подходящих документов, показатели там 0: {}",
               file, in_vain.count(), in_vain.names()));
  }
  if (left_out > 0) {
    on_note(tr("{}: {:query|queries} without a judgment left out",
               "{}: {:запрос|запроса|запросов} без оценок не в счёт", file, Count(left_out)));
  }
}

/// Says which documents no search can find.
void check_documents(const std::set<std::string, std::less<>>& documents,
                     const AllJudgments& judgments, const std::string& file,
                     const OnNote& on_note) {
  std::set<std::string> unknown_ids;
  std::size_t judged = 0;
  for (const auto& [query, of_query] : judgments) {
    judged += of_query.size();
    for (const auto& [document, relevance] : of_query) {
      if (!documents.contains(document)) unknown_ids.insert(document);
      judged -= !documents.contains(document);
    }
  }
  if (unknown_ids.empty()) return;
  WrongIds unknown;
  for (const std::string& id : unknown_ids) unknown.add(id);
  if (judged == 0) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: no document of it is in corpus.jsonl: {}",
                   "{}: ни одного документа оттуда нет в corpus.jsonl: {}", file, unknown.names()));
  }
  on_note(tr("{}: {:document|documents} of it not in corpus.jsonl, so never found: {}",
             "{}: {:документа|документов|документов} оттуда нет в corpus.jsonl, найти их нельзя: "
             "{}",
             file, unknown.count(), unknown.names()));
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
                                  const std::function<void(const LocalizedText&)>& on_note,
                                  const StopToken& stop) {
  std::size_t done = 0;
  Sizes sizes;
  std::set<std::string, std::less<>> documents;
  folder.for_each_document([&](const index::BeirRecord& record) {
    documents.insert(record.id);
    const auto size = record.metadata.find("size");
    if (size != record.metadata.end()) sizes[record.id] = size->second;
  });
  const std::string file = "qrels/" + options.split + ".tsv";
  const auto judgments = folder.judgments(options.split);
  check_queries(folder.queries(), judgments, file, on_note);
  check_documents(documents, judgments, file, on_note);
  const auto total = static_cast<double>(documents.size());
  folder.for_each_document([&](const index::BeirRecord& record) {
    throw_if_stopped(stop);
    put_document(record, store, embedder, options, stop);
    on_progress(kShareOfPassages * static_cast<double>(++done) / total);
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

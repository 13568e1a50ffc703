// A whole library through `index::Store`, without the model: queries by each measure and by all,
// opening, snippets, and what a chunk costs to add. The library is made at first:
//   OKO_LIBRARY=FILE OKO_LIBRARY_CHUNKS=100000 OKO_LIBRARY_TOKENS=200
// OKO_LIBRARY_COLD=1 opens it anew for each query and drops the system's cache before it (Linux,
// root). p50 and p99 are of 100 queries (cold: 10), in ms.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/temporary_file.h"
#include "bench/random_library.h"
#include "budget/process_memory.h"
#include "engine/stopwatch.h"
#include "index/hybrid_search.h"
#include "index/snippet.h"
#include "index/sqlite_store.h"

namespace oko::index {
namespace {

constexpr std::size_t kResults = 10, kCandidates = 100;

std::size_t setting(const char* name, std::size_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : static_cast<std::size_t>(std::atoll(value));
}

bool is_cold() {
  return std::getenv("OKO_LIBRARY_COLD") != nullptr;
}

std::size_t chunk_count() {
  return setting("OKO_LIBRARY_CHUNKS", 10'000);
}

std::filesystem::path library_path() {
  const char* path = std::getenv("OKO_LIBRARY");
  return path != nullptr ? path : temporary_folder() / "oko_library_bench";
}

std::unique_ptr<SqliteStore> open_store() {
  const std::filesystem::path path = library_path();
  if (!std::filesystem::exists(path)) {
    const std::size_t chunks = chunk_count();
    const double seconds =
        make_library(path, RandomLibrary(setting("OKO_LIBRARY_TOKENS", 0)), chunks);
    std::fprintf(stderr, "made: %.3f ms a chunk\n", 1000 * seconds / static_cast<double>(chunks));
  }
  return SqliteStore::open(path);
}

/// The words of a chunk from `first` on.
std::string words_of(const std::string& text, std::size_t first, std::size_t count) {
  std::string part;
  std::size_t word = 0;
  for (std::size_t at = 0; at < text.size() && word < first + count; ++word) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (word >= first) part += text.substr(at, end - at) + " ";
    at = end + 1;
  }
  return part;
}

/// Words of their language's places `first` to `last`.
std::string words_at(std::size_t count, std::size_t first, std::size_t last,
                     std::mt19937_64& random) {
  std::string words;
  const bool is_russian = random() % 2 == 0;
  for (std::size_t i = 0; i < count; ++i) {
    words += RandomLibrary::word(is_russian, first + random() % (last - first), random) + " ";
  }
  return words;
}

/// A word of 8 letters or more with two of them changed.
std::string misspelt(std::mt19937_64& random) {
  std::string word;
  while (word.size() < 8) word = RandomLibrary::word(false, 20'000 + random() % 20'000, random);
  word[2] = word[2] == 'x' ? 'k' : 'x';
  word[3] = 'x';
  return word;
}

struct QueryKind {
  const char* name;
  std::size_t tokens;  ///< of the model
  std::function<std::string(std::mt19937_64&)> text;
  const char* path = "";
};

const std::vector<QueryKind>& query_kinds() {
  static const RandomLibrary library(0);
  const auto from_chunk = [](std::size_t words) {
    return [words](std::mt19937_64& random) {
      return words_of(library.text(random() % chunk_count()), random() % 60, words);
    };
  };
  static const std::vector<QueryKind> kinds{
      {"question", 12, from_chunk(8)},
      {"long", 90, from_chunk(60)},
      {"common", 8, [](auto& random) { return words_at(6, 25, 150, random); }},
      {"commonest", 8, [](auto& random) { return words_at(6, 0, 10, random); }},
      {"three_letters", 3, [](auto& random) { return words_at(1, 500, 900, random).substr(0, 3); }},
      {"code", 8, [](auto& random) { return fmt::format("ИНВ-{}", 10000 + random() % 90000); }},
      {"code_part", 4, [](auto& random) { return fmt::format("{}/А", 100 + random() % 900); }},
      {"typo", 6, [](auto& random) { return misspelt(random); }},
      {"few_paths", 12, from_chunk(8), "/library/folder_3"},
      {"all_paths", 12, from_chunk(8), "/library"},
  };
  return kinds;
}

struct Question {
  SearchQuery query;
  SearchOptions options;
};

std::vector<Question> questions_of(const QueryKind& kind, std::size_t count) {
  std::mt19937_64 random(7);
  std::vector<Question> questions;
  for (std::size_t i = 0; i < count; ++i) {
    Question question;
    question.query.text = kind.text(random);
    question.query.encoding.dense = RandomLibrary::unit_vector(random);
    question.query.encoding.sparse = RandomLibrary::sparse(kind.tokens, random);
    question.query.encoding.colbert = RandomLibrary::token_vectors(kind.tokens, random);
    question.options.filter.path = kind.path;
    questions.push_back(std::move(question));
  }
  return questions;
}

using Ask = std::function<void(Store&, Question&)>;

void drop_system_cache() {
  std::ofstream("/proc/sys/vm/drop_caches") << "1";
}

void report(benchmark::State& state, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  state.counters["p50"] = times[times.size() / 2];
  state.counters["p99"] = times[times.size() * 99 / 100];
  state.counters["private_mb"] = static_cast<double>(budget::private_bytes()) / 1e6;
}

/// Asks each question of a kind once.
void ask_all(benchmark::State& state, const QueryKind& kind, const Ask& ask) {
  static std::unique_ptr<SqliteStore> store;
  if (store == nullptr) store = open_store();
  std::vector<Question> questions =
      questions_of(kind, static_cast<std::size_t>(state.max_iterations));
  if (!is_cold()) {
    Question first = questions.front();
    ask(*store, first);
  }
  std::vector<double> times;
  auto question = questions.begin();
  for (auto _ : state) {
    if (is_cold()) {
      store.reset();
      drop_system_cache();
    }
    const engine::Stopwatch watch;
    if (is_cold()) store = open_store();
    ask(*store, *question++);
    times.push_back(1000 * watch.seconds());
    state.SetIterationTime(times.back() / 1000);
  }
  report(state, std::move(times));
}

void find_hybrid(Store& store, Question& question, bool reranks) {
  if (!reranks) question.query.encoding.colbert = {};
  benchmark::DoNotOptimize(search(store, question.query, question.options));
}

/// As a search prints ten hits.
void show(Store& store, Question& question) {
  const std::vector<std::string> terms = store.terms_of(question.query.text);
  std::vector<ChunkId> ids;
  ids.reserve(kResults);
  for (std::size_t i = 0; i < kResults; ++i) {
    ids.push_back(static_cast<ChunkId>(1 + i * 7919 % chunk_count()));
  }
  for (const StoredChunk& chunk : store.chunks(ids)) {
    benchmark::DoNotOptimize(store.documents(std::span(&chunk.document, 1)));
    benchmark::DoNotOptimize(snippet_of(chunk.chunk, terms));
  }
}

const std::vector<std::pair<const char*, Ask>>& measures() {
  static const std::vector<std::pair<const char*, Ask>> all{
      {"dense",
       [](Store& store, Question& question) {
         benchmark::DoNotOptimize(
             store.find_dense(question.query.encoding.dense, kCandidates, question.options.filter));
       }},
      {"sparse",
       [](Store& store, Question& question) {
         benchmark::DoNotOptimize(store.find_sparse(question.query.encoding.sparse, kCandidates,
                                                    question.options.filter));
       }},
      {"words",
       [](Store& store, Question& question) {
         benchmark::DoNotOptimize(
             store.find_words(question.query.text, kCandidates, question.options.filter));
       }},
      {"terms",
       [](Store& store, Question& question) {
         benchmark::DoNotOptimize(store.terms_of(question.query.text));
       }},
      {"hybrid", [](Store& store, Question& question) { find_hybrid(store, question, false); }},
      {"reranked", [](Store& store, Question& question) { find_hybrid(store, question, true); }},
      {"show", show},
  };
  return all;
}

/// A new object: what the first query pays besides its own time, with the list of chunks.
void open_library(benchmark::State& state) {
  open_store();
  std::vector<double> times;
  for (auto _ : state) {
    if (is_cold()) drop_system_cache();
    const engine::Stopwatch watch;
    const std::unique_ptr<SqliteStore> store = open_store();
    benchmark::DoNotOptimize(store->terms_of("нет"));
    times.push_back(1000 * watch.seconds());
    state.SetIterationTime(times.back() / 1000);
  }
  report(state, std::move(times));
}

/// As each pass of `oko index --watch` opens it.
void open_to_write(benchmark::State& state) {
  open_store();
  const LibraryModel model = SqliteStore::open(library_path())->model();
  std::vector<double> times;
  for (auto _ : state) {
    if (is_cold()) drop_system_cache();
    const engine::Stopwatch watch;
    benchmark::DoNotOptimize(SqliteStore::open_or_create(library_path(), model));
    times.push_back(1000 * watch.seconds());
    state.SetIterationTime(times.back() / 1000);
  }
  report(state, std::move(times));
}

/// Adds 8,192 chunks to a new library, with as many token vectors as the range says.
void add_chunks(benchmark::State& state) {
  constexpr std::size_t kChunks = 8192;
  const RandomLibrary library(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const std::filesystem::path folder = temporary_folder() / "oko_library_bench_new";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    const double seconds = make_library(folder / "library", library, kChunks);
    state.SetIterationTime(seconds);
    state.counters["ms_of_chunk"] = 1000 * seconds / kChunks;
    std::filesystem::remove_all(folder);
  }
}
BENCHMARK(add_chunks)
    ->Arg(0)
    ->Arg(200)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

[[maybe_unused]] const bool is_registered = [] {
  const benchmark::IterationCount count = is_cold() ? 10 : 100;
  const auto prepare = [&](benchmark::internal::Benchmark* bench) {
    bench->Iterations(count)->UseManualTime()->Unit(benchmark::kMillisecond);
  };
  prepare(benchmark::RegisterBenchmark("open", open_library));
  prepare(benchmark::RegisterBenchmark("open_to_write", open_to_write));
  for (const auto& [name, ask] : measures()) {
    for (const QueryKind& kind : query_kinds()) {
      const auto run = [&kind, &ask](benchmark::State& state) { ask_all(state, kind, ask); };
      prepare(benchmark::RegisterBenchmark((std::string(name) + "/" + kind.name).c_str(), run));
    }
  }
  return true;
}();

}  // namespace
}  // namespace oko::index

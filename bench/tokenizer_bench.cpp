// The tokenizer, on the test tokenizer or on the one that OKO_TOKENIZER names (a model's folder).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "tests/text/corpus.h"
#include "text/tokenizer.h"

namespace oko::text {
namespace {

namespace fs = std::filesystem;

fs::path model_dir() {
  const char* named = std::getenv("OKO_TOKENIZER");
  return named != nullptr ? named : OKO_SOURCE_DIR "/tests/text/data/tokenizer";
}

/// A megabyte of Russian and English sentences with some code.
std::string prose() {
  const Corpus corpus;
  CorpusRandom random(1);
  std::string text;
  while (text.size() < 1'000'000) {
    text += corpus.prose()[random.below(corpus.prose().size())] + " ";
  }
  return text;
}

std::string traps() {
  const Corpus corpus;
  std::string text;
  for (std::uint64_t seed = 0; text.size() < 1'000'000; ++seed) text += corpus.chunk(seed);
  return text;
}

void load_from_files(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(model_dir(), {""}));
}
BENCHMARK(load_from_files)->Unit(benchmark::kMillisecond);

void load_from_cache(benchmark::State& state) {
  const fs::path cache = fs::temp_directory_path() / ("oko_bench_" + std::to_string(std::rand()));
  Tokenizer::load(model_dir(), {cache});
  for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::load(model_dir(), {cache}));
  fs::remove_all(cache);
}
BENCHMARK(load_from_cache)->Unit(benchmark::kMillisecond);

void encode(benchmark::State& state, const std::string& text) {
  const Tokenizer tokenizer = Tokenizer::load(model_dir(), {""});
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.encode(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(encode, prose, prose())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, traps, traps())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, one_letter, std::string(1'000'000, 'a'))->Unit(benchmark::kMillisecond);

void decode(benchmark::State& state) {
  const Tokenizer tokenizer = Tokenizer::load(model_dir(), {""});
  const std::vector<std::int32_t> ids = tokenizer.encode(prose());
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.decode(ids, true));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(ids.size()));
}
BENCHMARK(decode)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace oko::text

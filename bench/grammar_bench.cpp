// Forms of answers with a vocabulary of the 4B's size: what its tokens, a schema and the mask of
// each token cost. A decode step of the 4B takes about 15 ms on a GPU, 110 ms on two cores.
#include "grammar/grammar.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "testing/random_qwen_tokenizer.h"

namespace oko::grammar {
namespace {

constexpr std::int64_t kFirstSpecial = 151'643;
constexpr std::size_t kLogits = 151'936;

constexpr const char* kInvoice = R"({"type":"object","properties":{
  "number":{"type":"string","pattern":"^[A-Z]{2}-\\d{4,8}$"},
  "seller":{"type":"string","maxLength":80},"date":{"type":"string","format":"date"},
  "currency":{"enum":["EUR","RUB","USD"]},"total":{"type":"number","minimum":0},
  "items":{"type":"array","maxItems":20,"items":{"type":"object","properties":{
    "name":{"type":"string"},"quantity":{"type":"integer","minimum":1,"maximum":9999},
    "price":{"type":"number"}},"required":["name","quantity","price"]}}},
  "required":["number","seller","date","currency","total","items"]})";
constexpr const char* kAny = R"({"type":"object"})";

const text::Tokenizer& tokenizer() {
  static const auto instance = text::Tokenizer::parse(
      testing::random_qwen_tokenizer(kFirstSpecial).dump(), "random tokenizer");
  return instance;
}

const Vocabulary& vocabulary() {
  static const std::int32_t end = *tokenizer().special_token("<|im_end|>");
  static const Vocabulary instance(tokenizer(), std::span(&end, 1));
  return instance;
}

void sort_tokens(benchmark::State& state) {
  const std::int32_t end = *tokenizer().special_token("<|im_end|>");
  for (auto _ : state) benchmark::DoNotOptimize(Vocabulary(tokenizer(), std::span(&end, 1)));
}
BENCHMARK(sort_tokens)->Unit(benchmark::kMillisecond);

void compile(benchmark::State& state, const std::string& schema) {
  vocabulary();
  int number = 0;
  for (auto _ : state) {  // a property of its own, so that nothing is kept from the last one
    nlohmann::ordered_json fresh = nlohmann::ordered_json::parse(schema);
    fresh["properties"][std::to_string(number++)] = {{"type", "boolean"}};
    const auto grammar = vocabulary().json(fresh.dump(), "schema");
    state.counters["bytes"] = static_cast<double>(grammar->bytes());
  }
}
BENCHMARK_CAPTURE(compile, invoice, kInvoice)->Unit(benchmark::kMillisecond);

std::string wide_schema(int properties, const nlohmann::ordered_json& property) {
  nlohmann::ordered_json schema{{"type", "object"}};
  for (int i = 0; i < properties; ++i) {
    schema["properties"][std::to_string(i)] = property;
  }
  return schema.dump();
}
BENCHMARK_CAPTURE(compile, texts_400, wide_schema(400, {{"type", "string"}}))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile, long_texts_100,
                  wide_schema(100, {{"type", "string"}, {"maxLength", 2000}}))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile, patterns,
                  wide_schema(1, {{"type", "string"}, {"pattern", "^([a-zа-яё]{1,10} ?){3}$"}}))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile, patterns_40,
                  wide_schema(40, {{"type", "string"}, {"pattern", "^[a-zа-я]{1,8}.?$"}}))
    ->Unit(benchmark::kMillisecond);

std::string nested_lists(int levels) {
  std::string schema = "{\"type\":\"integer\"}";
  for (int i = 0; i < levels; ++i) {
    std::string list = R"({"type":"array","maxItems":1000,"minItems":500,"items":)";
    list.append(schema).append("}");
    schema = std::move(list);
  }
  return R"({"type":"object","properties":{"a":)" + schema + "}}";
}
BENCHMARK_CAPTURE(compile, lists_10, nested_lists(10))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile, numbers_400,
                  wide_schema(400, {{"type", "number"}, {"minimum", -1.5e9}, {"maximum", 7e12}}))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile, formats_25, wide_schema(25, {{"type", "string"}, {"format", "email"}}))
    ->Unit(benchmark::kMillisecond);

/// The mask of each token of random answers.
void mask(benchmark::State& state, const std::string& schema) {
  const auto grammar = vocabulary().json(schema, "schema");
  const std::vector<float> logits(kLogits, 1.0f);
  std::mt19937 random(1);
  std::vector<float> row;
  double most = 0;
  Matcher matcher(grammar);
  int tokens = 0;
  for (auto _ : state) {
    state.PauseTiming();
    if (matcher.has_ended() || ++tokens > 300) {
      matcher = Matcher(grammar);
      tokens = 0;
    }
    row = logits;
    state.ResumeTiming();
    const auto begun = std::chrono::steady_clock::now();
    matcher.mask(row);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begun;
    state.PauseTiming();
    most = std::max(most, time.count());
    std::vector<std::int32_t> allowed, closing;
    for (std::size_t id = 0; id < row.size(); ++id) {
      if (std::isinf(row[id])) continue;
      allowed.push_back(static_cast<std::int32_t>(id));
      const std::string_view bytes = tokenizer().token_bytes(allowed.back());
      if (bytes.empty() || bytes[0] == '"') closing.push_back(allowed.back());
    }
    const auto& from = closing.empty() || random() % 3 != 0 ? allowed : closing;
    matcher.accept(from.at(random() % from.size()));
    state.ResumeTiming();
  }
  state.counters["most_ms"] = most * 1000;
}
BENCHMARK_CAPTURE(mask, invoice, kInvoice)->Unit(benchmark::kMicrosecond)->Iterations(2000);
BENCHMARK_CAPTURE(mask, any, kAny)->Unit(benchmark::kMicrosecond)->Iterations(2000);

}  // namespace
}  // namespace oko::grammar

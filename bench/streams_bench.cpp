// Requests at once, on a random checkpoint of the 4B's size: tokens a second of several answers,
// the first tokens of several prompts, of a late request, and of a second question about a picture.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/generator.h"
#include "engine/stopwatch.h"
#include "tests/support/predicted_memory.h"
#include "tests/support/random_models.h"

namespace oko::engine {
namespace {

constexpr int kTokens = 96;
constexpr std::size_t kCacheBytes = 2'000'000'000;

Generator& generator() {
  static Generator instance({.vision_language_model = RandomModels::get("qwen3-vl-4b", 1),
                             .image_cache_bytes = 0,
                             .prefix_cache_bytes = 0});
  return instance;
}

GenerationRequest text_request(int words, int tokens) {
  GenerationRequest request = request_of(GenerationCase{{}, words, tokens});
  request.measure_memory = false;
  request.sampling.temperature = 1.0f;  // no loop ends the answer
  return request;
}

/// Tokens a second of `streams` answers together, without the time of prompts.
void answers(benchmark::State& state) {
  const auto streams = static_cast<int>(state.range(0));
  double tokens = 0, seconds = 0;
  generator().generate(text_request(10, 2));
  for (auto _ : state) {
    std::vector<GenerationHandle> handles;
    handles.reserve(static_cast<std::size_t>(streams));
    const Stopwatch watch;
    for (int i = 0; i < streams; ++i) {
      handles.push_back(generator().submit(text_request(10 + i, kTokens)));
    }
    double prefill = 0;
    for (GenerationHandle& handle : handles) {
      const GenerationStats stats = handle.wait().stats;
      prefill += stats.prefill_seconds;
      tokens += stats.generated_tokens - 1;
    }
    seconds += watch.seconds() - prefill;
  }
  state.counters["tokens_per_second"] = tokens / seconds;
}
BENCHMARK(answers)->Arg(1)->Arg(4)->Arg(8)->Unit(benchmark::kMillisecond)->Iterations(1);

/// The first tokens of 8 short prompts that come together.
void prompts(benchmark::State& state) {
  generator().generate(text_request(10, 2));
  for (auto _ : state) {
    std::vector<GenerationHandle> handles;
    handles.reserve(8);
    for (int i = 0; i < 8; ++i) handles.push_back(generator().submit(text_request(10 + i, 1)));
    for (GenerationHandle& handle : handles) handle.wait();
  }
}
BENCHMARK(prompts)->Unit(benchmark::kMillisecond)->Iterations(3);

/// The first token of a short request while four answers are written.
void late_request(benchmark::State& state) {
  double first = 0, chunk = 0;
  for (auto _ : state) {
    std::vector<GenerationHandle> handles;
    handles.reserve(4);
    for (int i = 0; i < 4; ++i) handles.push_back(generator().submit(text_request(10, 1000)));
    for (GenerationHandle& handle : handles) {
      while (handle.next()->text.empty()) {
      }
    }
    first += generator().generate(text_request(4, 1)).stats.time_to_first_token_seconds;
    handles.clear();
    chunk += generator().generate(text_request(140, 1)).stats.prefill_seconds;
  }
  state.counters["first_token_seconds"] = first / static_cast<double>(state.iterations());
  state.counters["chunk_seconds"] = chunk / static_cast<double>(state.iterations());
}
BENCHMARK(late_request)->Unit(benchmark::kMillisecond)->Iterations(1);

/// The first token of another question about a picture, and that of the first question.
void second_question(benchmark::State& state) {
  double first = 0, second = 0;
  for (auto _ : state) {
    Generator caching({.vision_language_model = RandomModels::get("qwen3-vl-4b", 1),
                       .image_cache_bytes = kCacheBytes,
                       .prefix_cache_bytes = kCacheBytes});
    GenerationRequest request = request_of(GenerationCase{{{1024, 768}}, 4, 1});
    request.measure_memory = false;
    first += caching.generate(request).stats.time_to_first_token_seconds;
    request.messages[0].parts.back().text = "What colour is it?";
    second += caching.generate(request).stats.time_to_first_token_seconds;
  }
  state.counters["first_seconds"] = first;
  state.counters["second_share"] = second / first;
}
BENCHMARK(second_question)->Unit(benchmark::kMillisecond)->Iterations(1);

/// Seconds from `cancel` to the end of the request, the longest of some moments of its work.
void cancel(benchmark::State& state, const GenerationCase& work, double first_moment) {
  double longest = 0;
  for (auto _ : state) {
    for (int moment = 0; moment < 8; ++moment) {
      GenerationRequest request = request_of(work);
      request.measure_memory = false;
      request.sampling.temperature = 1.0f;
      GenerationHandle handle = generator().submit(std::move(request));
      std::this_thread::sleep_for(std::chrono::duration<double>(first_moment + 0.113 * moment));
      const Stopwatch watch;
      handle.cancel();
      try {
        handle.wait();
        state.SkipWithError("it ended before it was cancelled");
      } catch (const Error&) {
        longest = std::max(longest, watch.seconds());
      }
    }
  }
  state.counters["longest_seconds"] = longest;
}
BENCHMARK_CAPTURE(cancel, decode, GenerationCase{{}, 4, 1000}, 1.5)->Iterations(1);
BENCHMARK_CAPTURE(cancel, prefill, GenerationCase{{}, 1000, 1}, 0.5)->Iterations(1);
BENCHMARK_CAPTURE(cancel, vision, GenerationCase{{{1024, 1024}}, 4, 1}, 0.5)->Iterations(1);

/// 16 pictures at once, and one after the other, by a model of real widths with few layers, with
/// answers of so many tokens.
void pictures(benchmark::State& state) {
  const bool at_once = state.range(0) != 0;
  const auto tokens = static_cast<int>(state.range(1));
  Generator few_layers({.vision_language_model = RandomModels::get("qwen3-vl-4b-2layer", 1),
                        .image_cache_bytes = 0});
  GenerationRequest request = request_of(GenerationCase{{{256, 256}}, 4, tokens});
  request.measure_memory = false;
  request.sampling.temperature = 1.0f;
  few_layers.generate(request);
  for (auto _ : state) {
    std::vector<GenerationHandle> handles;
    handles.reserve(16);
    for (int i = 0; i < 16; ++i) {
      handles.push_back(few_layers.submit(request));
      if (!at_once) handles.back().wait();
    }
    if (!at_once) continue;
    for (GenerationHandle& handle : handles) handle.wait();
  }
}
BENCHMARK(pictures)->ArgsProduct({{0, 1}, {64, 128}})->Unit(benchmark::kMillisecond)->Iterations(2);

}  // namespace
}  // namespace oko::engine

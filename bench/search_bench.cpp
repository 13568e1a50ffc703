// Exact search over codes next to the best plain read of the same bytes.
// OKO_SEARCH_ROWS=1000000 adds a million rows of 1024 numbers (1.03 GB).
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "index/dense_scan.h"
#include "index/token_codes.h"
#include "index/vector_codes.h"
#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/roofline_probe.h"

namespace oko::index {
namespace {

constexpr std::size_t kResults = 40;  // candidates of 10 results

/// Codes of noise: what they are does not change the time.
struct NoiseCodes {
  NoiseCodes(std::size_t rows, std::size_t dimensions)
      : dimensions(dimensions), codes(rows * dimensions), scales(rows, 2e-4f) {
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < codes.size(); i += 8) {
      const std::uint64_t bits = random() | 0x0101010101010101;
      std::copy_n(reinterpret_cast<const std::uint8_t*>(&bits), 8, codes.data() + i);
    }
  }
  CodeView view() const { return view_of(codes, scales, dimensions); }

  std::size_t dimensions;
  tensor::cpu::AlignedVector<std::uint8_t> codes;
  std::vector<float> scales;
};

const NoiseCodes& noise_codes(std::size_t rows, std::size_t dimensions) {
  static std::unique_ptr<NoiseCodes> kept;  // one at a time: they are large
  if (kept == nullptr || kept->scales.size() != rows || kept->dimensions != dimensions) {
    kept.reset();
    kept = std::make_unique<NoiseCodes>(rows, dimensions);
  }
  return *kept;
}

std::vector<float> noise_query(std::size_t dimensions) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0.0f, 1.0f / std::sqrt(static_cast<float>(dimensions)));
  std::vector<float> query(dimensions);
  for (float& x : query) x = normal(random);
  return query;
}

void report(benchmark::State& state, const NoiseCodes& set) {
  const double bytes = static_cast<double>(set.codes.size() + set.scales.size() * sizeof(float));
  state.counters["bytes"] = benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate,
                                               benchmark::Counter::kIs1000);
}

/// The best that reading alone does: as `measure_read_bandwidth`, over the same memory.
void read_loop(benchmark::State& state) {
  const NoiseCodes& set = noise_codes(static_cast<std::size_t>(state.range(0)),
                                      static_cast<std::size_t>(state.range(1)));
  const auto* values = reinterpret_cast<const float*>(set.codes.data());
  const std::size_t count = set.codes.size() / sizeof(float) / 256 * 256;
  for (auto _ : state) {
    tensor::cpu::thread_pool().parallel_runs(
        count / 256, 1024, [&](std::size_t first, std::size_t last) {
          benchmark::DoNotOptimize(
              tensor::cpu::sum_floats(values + first * 256, (last - first) * 256));
        });
  }
  report(state, set);
}

void dense_scan(benchmark::State& state) {
  const NoiseCodes& set = noise_codes(static_cast<std::size_t>(state.range(0)),
                                      static_cast<std::size_t>(state.range(1)));
  const std::vector<float> query = noise_query(set.dimensions);
  for (auto _ : state) {
    benchmark::DoNotOptimize(top_rows(set.view(), query, kResults));
  }
  report(state, set);
}

/// Rows of a filter: every `range(2)`-th.
void dense_scan_filtered(benchmark::State& state) {
  const NoiseCodes& set = noise_codes(static_cast<std::size_t>(state.range(0)),
                                      static_cast<std::size_t>(state.range(1)));
  const std::vector<float> query = noise_query(set.dimensions);
  std::vector<std::uint64_t> live((set.scales.size() + 63) / 64);
  const auto step = static_cast<std::size_t>(state.range(2));
  for (std::size_t row = 0; row < set.scales.size(); row += step) {
    live[row / 64] |= std::uint64_t{1} << row % 64;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(top_rows(set.view(), query, kResults, live));
  }
}

/// 100,000 rows, and as many as OKO_SEARCH_ROWS says.
void sizes(benchmark::internal::Benchmark* bench) {
  bench->Unit(benchmark::kMillisecond)->UseRealTime()->Args({100'000, 384})->Args({100'000, 1024});
  if (const char* rows = std::getenv("OKO_SEARCH_ROWS")) bench->Args({std::atoll(rows), 1024});
}
BENCHMARK(read_loop)->Apply(sizes);
BENCHMARK(dense_scan)->Apply(sizes);
BENCHMARK(dense_scan_filtered)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Args({100'000, 1024, 2})
    ->Args({100'000, 1024, 100});

void encode(benchmark::State& state) {
  const std::vector<float> vector = noise_query(static_cast<std::size_t>(state.range(0)));
  std::vector<std::uint8_t> codes(vector.size());
  for (auto _ : state) benchmark::DoNotOptimize(encode_vector(vector, codes));
}
BENCHMARK(encode)->Arg(384)->Arg(1024)->Unit(benchmark::kMicrosecond);

constexpr std::size_t kTokens = 200, kTokenDimensions = 1024;

/// The rerank of a search: 100 chunks of 200 tokens by a query of 20.
void rerank(benchmark::State& state) {
  const int bits = static_cast<int>(state.range(0));
  std::vector<std::vector<std::uint8_t>> stored;
  for (std::size_t i = 0; i < 100; ++i) {
    const std::vector<float> tokens = noise_query(kTokens * kTokenDimensions);
    stored.push_back(encode_tokens(tokens, kTokenDimensions, bits));
  }
  const std::vector<std::span<const std::uint8_t>> chunks(stored.begin(), stored.end());
  const std::vector<float> query = noise_query(20 * kTokenDimensions);
  for (auto _ : state) {
    benchmark::DoNotOptimize(max_sim(TokenQuery(query, kTokenDimensions), chunks));
  }
  state.counters["bytes_of_token"] = static_cast<double>(stored[0].size()) / kTokens;
}
BENCHMARK(rerank)->Arg(2)->Arg(4)->Arg(8)->Unit(benchmark::kMillisecond)->UseRealTime();

/// The token vectors of a chunk.
void encode_chunk(benchmark::State& state) {
  const std::vector<float> tokens = noise_query(kTokens * kTokenDimensions);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        encode_tokens(tokens, kTokenDimensions, static_cast<int>(state.range(0))));
  }
}
BENCHMARK(encode_chunk)->Arg(2)->Arg(4)->Arg(8)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace oko::index

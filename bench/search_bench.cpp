// Exact search over codes next to the best plain read of the same bytes.
// OKO_SEARCH_ROWS=1000000 adds a million rows of 1024 numbers (1.03 GB); OKO_SEARCH_VECTORS=FILE
// adds the recall of real ones: unit f32 vectors of 384, the last 100 of them queries.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <vector>

#include "base/temporary_file.h"
#include "index/dense_scan.h"
#include "index/token_codes.h"
#include "index/vector_codes.h"
#include "index/vector_file.h"
#include "index/vector_file_layout.h"
#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/roofline_probe.h"
#include "tests/index/vectors.h"

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
  state.counters["memory_bytes"] =
      benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate);
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

/// A file of a million rows, which are not read: sparse.
void open_file(benchmark::State& state) {
  const TemporaryFile holder(temporary_folder() / "oko_search_bench_", "vectors");
  VectorFileState expected{.library = {1}, .dimensions = 1024, .generation = 1};
  VectorFileFault fault{};
  const auto writer = VectorFileWriter::create(holder.path(), expected);
  expected.rows = 1'000'000;
  std::filesystem::resize_file(holder.path(), vector_file_bytes(expected.rows, 1024));
  const VectorFileHeader header = header_of(expected, 1);
  std::fstream file(holder.path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(kVectorSlotBytes);
  file.write(reinterpret_cast<const char*>(&header), sizeof(header));
  file.close();
  for (auto _ : state) {
    const auto opened = VectorFile::open(holder.path(), expected, fault);
    if (opened == nullptr) return state.SkipWithError(name_of(fault));
  }
}
BENCHMARK(open_file)->Unit(benchmark::kMicrosecond);

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

VectorSet read_vectors(const char* file, std::size_t dimensions) {
  VectorSet set{dimensions, std::vector<float>(std::filesystem::file_size(file) / sizeof(float))};
  std::ifstream(file, std::ios::binary)
      .read(reinterpret_cast<char*>(set.values.data()),
            static_cast<std::streamsize>(set.values.size() * sizeof(float)));
  return set;
}

/// What part of the f32's first 10 is among the first 10 of `rows`.
double overlap(const std::vector<ScoredRow>& exact, const std::vector<ScoredRow>& rows) {
  double found = 0;
  for (std::size_t i = 0; i < 10; ++i) {
    found += static_cast<double>(
        std::count_if(rows.begin(), rows.begin() + 10,
                      [&](const ScoredRow& row) { return row.row == exact[i].row; }));
  }
  return found / 10;
}

/// Recall@10 against f32 products in f64: of codes alone, and of 40 candidates rescored. The last
/// 100 vectors are queries.
void recall(benchmark::State& state, const VectorSet& all) {
  VectorSet set = all;
  set.values.resize((all.rows() - 100) * all.dimensions);
  const CodedSet coded(set);
  const auto read = [&](std::uint32_t row, std::span<float> vector) {
    std::copy_n(set.of(row).begin(), vector.size(), vector.begin());
    return true;
  };
  std::vector<ScoredRow> everything(set.rows());
  for (std::size_t row = 0; row < set.rows(); ++row) {
    everything[row].row = static_cast<std::uint32_t>(row);
  }
  double of_codes = 0, of_rescored = 0;
  for (auto _ : state) {
    for (std::size_t i = all.rows() - 100; i < all.rows(); ++i) {
      const auto exact = rescore(everything, all.of(i), 10, read);
      const auto rows = top_rows(coded.view(), all.of(i), kResults);
      of_codes += overlap(exact, rows) / 100;
      of_rescored += overlap(exact, rescore(rows, all.of(i), 10, read)) / 100;
    }
  }
  state.counters["codes"] = of_codes;
  state.counters["rescored"] = of_rescored;
}

void recall_of_noise(benchmark::State& state) {
  recall(state, unit_vectors(static_cast<std::size_t>(state.range(0)) + 100,
                             static_cast<std::size_t>(state.range(1)), 1,
                             static_cast<std::size_t>(state.range(2))));
}
BENCHMARK(recall_of_noise)
    ->ArgNames({"rows", "dimensions", "clusters"})
    ->ArgsProduct({{100'000}, {384, 1024}, {0, 500}})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

[[maybe_unused]] const bool has_file = [] {
  const char* file = std::getenv("OKO_SEARCH_VECTORS");
  if (file == nullptr) return false;
  const auto run = [file](benchmark::State& state) { recall(state, read_vectors(file, 384)); };
  benchmark::RegisterBenchmark("recall_of_file", run)->Iterations(1)->Unit(benchmark::kSecond);
  return true;
}();

}  // namespace
}  // namespace oko::index

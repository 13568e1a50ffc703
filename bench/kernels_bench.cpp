// The CPU kernels at the shapes of Qwen3-VL-4B and its vision tower, next to the roofline of the
// machine: reading memory, and multiplying in registers, on as many threads.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>
#include <vector>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/roofline_probe.h"
#include "tensor/cpu/row_ops.h"
#include "tensor/cpu/thread_pool.h"

namespace oko::tensor::cpu {
namespace {

/// Numbers in -1 .. 1.
std::vector<float> numbers(std::size_t count) {
  std::vector<float> values(count);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
  return values;
}

/// Shows `per_iteration` as a rate: bytes or operations a second.
void report(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] =
      benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

/// What the others are compared with: `bench/run` knows it by its label.
void probe(benchmark::State& state) {
  Roofline found;
  for (auto _ : state) found = measure_roofline();
  state.counters["memory_bytes"] = found.read_bytes_per_second;
  state.counters["flop"] = found.flops_per_second;
  state.SetLabel("limits of the machine");
}
BENCHMARK(probe)->Iterations(1)->Unit(benchmark::kMillisecond);

/// Arguments: rows of x, columns, rows of the weight, bits, precision. Groups of 64, scales in
/// bf16.
void matmul_quantized(benchmark::State& state) {
  const auto m = static_cast<std::size_t>(state.range(0));
  const auto columns = static_cast<std::size_t>(state.range(1));
  const auto rows = static_cast<std::size_t>(state.range(2));
  const auto bits = static_cast<std::size_t>(state.range(3));
  const auto precision = static_cast<Precision>(state.range(4));
  const std::vector<std::uint8_t> codes(rows * columns * bits / 8, 0x5A);
  const std::vector<std::uint16_t> scales(rows * columns / 64, 0x3C00);  // 2^-7
  const std::vector<std::uint16_t> biases(rows * columns / 64, 0xBD00);  // -2^-5
  const WeightMatrix weight{
      rows, columns,       codes.data(), ElementType::kBfloat16, static_cast<int>(bits),
      64,   scales.data(), biases.data()};
  const std::vector<float> x = numbers(m * columns);
  std::vector<float> y(m * rows);
  for (auto _ : state) matmul(x.data(), m, weight, nullptr, y.data(), precision);
  report(state, "memory_bytes", static_cast<double>(codes.size() + 4 * scales.size()));
  report(state, "flop", 2.0 * static_cast<double>(m * columns * rows));
  state.SetLabel(fmt::format("{} bits, {} x {} x {}, {}", bits, m, columns, rows,
                             precision == Precision::kFloat32 ? "f32" : "16-bit integers"));
}
BENCHMARK(matmul_quantized)
    ->ArgsProduct({{1, 4, 8, 512},
                   {2560},
                   {9728},
                   {4, 8},
                   {static_cast<int>(Precision::kFloat32),
                    static_cast<int>(Precision::kInt16Activations)}})
    ->UseRealTime();

void matmul_bfloat16(benchmark::State& state) {
  constexpr std::size_t kM = 4096, kColumns = 1024, kRows = 4096;
  const std::vector<std::uint16_t> data(kRows * kColumns, 0x3C80);
  WeightMatrix weight;
  weight.rows = kRows;
  weight.columns = kColumns;
  weight.data = data.data();
  weight.type = ElementType::kBfloat16;
  const std::vector<float> x = numbers(kM * kColumns);
  std::vector<float> y(kM * kRows);
  for (auto _ : state) matmul(x.data(), kM, weight, nullptr, y.data(), Precision::kFloat32);
  report(state, "flop", 2.0 * kM * kColumns * kRows);
  state.SetLabel(fmt::format("bf16, {} x {} x {}", kM, kColumns, kRows));
}
BENCHMARK(matmul_bfloat16)->UseRealTime();

/// Arguments: queries, keys, heads, key heads, head_dim, causal, type of the keys.
void attention(benchmark::State& state) {
  AttentionArguments a;
  a.query_count = static_cast<std::size_t>(state.range(0));
  a.key_count = static_cast<std::size_t>(state.range(1));
  a.heads = static_cast<std::size_t>(state.range(2));
  a.kv_heads = static_cast<std::size_t>(state.range(3));
  a.head_dim = static_cast<std::size_t>(state.range(4));
  a.causal = state.range(5) != 0;
  a.query_stride = a.heads * a.head_dim;
  a.kv_type = static_cast<KvType>(state.range(6));
  a.kv_stride = a.kv_heads * kv_row_bytes(a.kv_type, a.head_dim);
  a.scale = 0.125f;
  const std::vector<float> queries = numbers(a.query_count * a.query_stride);
  const std::vector<float> exact = numbers(a.key_count * a.kv_heads * a.head_dim);
  std::vector<std::uint8_t> keys(a.key_count * a.kv_stride);
  pack_kv_rows(exact.data(), a.key_count * a.kv_heads, a.head_dim, a.kv_type, keys.data());
  std::vector<float> output(queries.size());
  a.queries = queries.data();
  a.keys = keys.data();
  a.values = keys.data();
  a.output = output.data();
  for (auto _ : state) cpu::attention(a);
  report(state, "memory_bytes", 2.0 * static_cast<double>(keys.size()));
  report(state, "flop", 4.0 * static_cast<double>(queries.size() * a.key_count));
  constexpr const char* kTypes[] = {"f32", "f16", "8-bit"};
  state.SetLabel(fmt::format("attention, {} x {}, {}/{} heads of {}, {} cache", a.query_count,
                             a.key_count, a.heads, a.kv_heads, a.head_dim,
                             kTypes[static_cast<std::size_t>(a.kv_type)]));
}
BENCHMARK(attention)
    ->Args({4096, 4096, 16, 16, 64, 0, static_cast<int>(KvType::kFloat32)})
    ->Args({512, 2048, 32, 8, 128, 1, static_cast<int>(KvType::kFloat16)})
    ->Args({1, 2048, 32, 8, 128, 1, static_cast<int>(KvType::kFloat32)})
    ->Args({1, 2048, 32, 8, 128, 1, static_cast<int>(KvType::kFloat16)})
    ->Args({1, 2048, 32, 8, 128, 1, static_cast<int>(KvType::kInt8)})
    ->UseRealTime();

void rms_norm_512(benchmark::State& state) {
  constexpr std::size_t kRows = 512, kWidth = 2560;
  std::vector<float> x = numbers(kRows * kWidth), out(kRows * kWidth);
  const std::vector<float> weight(kWidth, 1.0f);
  for (auto _ : state) rms_norm(x.data(), weight.data(), 1e-6f, kRows, kWidth, out.data());
  report(state, "memory_bytes", 2.0 * sizeof(float) * kRows * kWidth);
}
BENCHMARK(rms_norm_512)->UseRealTime();

void swiglu_512(benchmark::State& state) {
  constexpr std::size_t kRows = 512, kWidth = 9728;
  const std::vector<float> gate = numbers(kRows * kWidth), up = numbers(kRows * kWidth);
  std::vector<float> out(kRows * kWidth);
  for (auto _ : state) swiglu(gate.data(), up.data(), kRows, kWidth, out.data());
  report(state, "memory_bytes", 3.0 * sizeof(float) * kRows * kWidth);
}
BENCHMARK(swiglu_512)->UseRealTime();

}  // namespace
}  // namespace oko::tensor::cpu

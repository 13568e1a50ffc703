#include "testing/kernel_benchmark.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "base/error.h"
#include "base/localized_text.h"
#include "engine/stopwatch.h"
#include "models/qwen3_vl/config.h"
#include "tensor/cpu/attention.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/roofline_probe.h"
#include "tensor/cpu/softmax.h"
#include "tensor/cpu/thread_pool.h"
#include "tensor/cpu/top_k.h"
#include "tensor/device.h"

namespace oko::testing {
namespace {

namespace cpu = tensor::cpu;
namespace qwen = models::qwen3_vl;

constexpr std::size_t kPrompt = 512;
constexpr std::size_t kContext = 2048;    // tokens in the KV cache
constexpr std::size_t kPatches = 4096;    // of a picture of 1024 × 1024
constexpr std::size_t kPool = 512 << 20;  // bytes of weights, far beyond the caches

class KernelBench {
 public:
  KernelBench(const KernelBenchmarkOptions& options, StopToken stop)
      : config_(qwen::Config::load(options.model)),
        repeats_(options.repeats),
        stop_(std::move(stop)) {
    std::mt19937_64 random(1);
    codes_.resize(kPool / sizeof(std::uint64_t));
    // Read as bf16 these are ordinary numbers, too: ±2^-7 .. 2^-6.
    for (std::uint64_t& word : codes_) {
      word = (random() & 0x807F807F807F807F) | 0x3C003C003C003C00;
    }
  }

  std::vector<KernelTiming> run() {
    const auto& text = config_.text;
    const int heads_width = text.num_attention_heads * text.head_dim;
    for (const std::size_t m : {std::size_t{1}, cpu::kMaxGemvRows, kPrompt}) {
      quantized(m, text.hidden_size, heads_width);
      quantized(m, text.hidden_size, text.intermediate_size);
      quantized(m, text.intermediate_size, text.hidden_size);
    }
    quantized(1, text.hidden_size, text.vocab_size);
    dense(kPatches, config_.vision.hidden_size, config_.vision.intermediate_size);
    dense(kPatches, config_.vision.intermediate_size, config_.vision.hidden_size);
    for (const std::size_t queries : {std::size_t{1}, kPrompt}) {
      attend("causal attention", queries, kContext, text.num_attention_heads,
             text.num_key_value_heads, text.head_dim, cpu::KvType::kFloat16);
    }
    const int vision_head = config_.vision.hidden_size / config_.vision.num_heads;
    attend("attention of patches", kPatches, kPatches, config_.vision.num_heads,
           config_.vision.num_heads, vision_head, cpu::KvType::kFloat32);
    choose(text.vocab_size);
    return std::move(timings_);
  }

 private:
  template <typename Run>
  void time(std::string name, double bytes, double flops, Run run) {
    std::vector<double> seconds;
    for (int i = 0; i <= repeats_; ++i) {  // the first one warms up
      throw_if_stopped(stop_);
      const engine::Stopwatch watch;
      run();
      seconds.push_back(watch.seconds());
    }
    std::sort(seconds.begin() + 1, seconds.end());
    timings_.push_back({std::move(name), seconds[1 + (seconds.size() - 1) / 2], bytes, flops});
  }

  static std::vector<float> numbers(std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>(i * 7919 % 511) / 255.0f - 1.0f;
    }
    return values;
  }

  /// Every run reads the weight from another place, so that it is in no cache.
  void product(std::string name, std::size_t m, cpu::WeightMatrix weight, std::size_t bytes) {
    const std::vector<float> x = numbers(m * weight.columns);
    std::vector<float> y(m * weight.rows);
    const std::size_t codes = weight.rows * weight.columns * bits_of(weight) / 8;
    const std::size_t slots = std::max<std::size_t>(1, kPool / bytes);
    std::size_t slot = 0;
    const auto* pool = reinterpret_cast<const std::uint8_t*>(codes_.data());
    time(std::move(name), static_cast<double>(bytes),
         2.0 * static_cast<double>(m * weight.columns * weight.rows), [&] {
           const std::uint8_t* at = pool + slot++ % slots * bytes;
           weight.data = at;
           weight.scales = at + codes;
           weight.biases = at + codes + (bytes - codes) / 2;
           cpu::matmul(x.data(), m, weight, nullptr, y.data(), tensor::cpu_precision());
         });
  }

  static std::size_t bits_of(const cpu::WeightMatrix& weight) {
    return weight.bits == 0 ? 16 : static_cast<std::size_t>(weight.bits);
  }

  void quantized(std::size_t m, int columns, int rows) {
    const auto quantization = config_.quantization.of_layer("");
    if (!quantization) return dense(m, columns, rows);
    cpu::WeightMatrix weight;
    weight.rows = static_cast<std::size_t>(rows);
    weight.columns = static_cast<std::size_t>(columns);
    weight.type = cpu::ElementType::kBfloat16;
    weight.bits = quantization->bits;
    weight.group_size = static_cast<std::size_t>(quantization->group_size);
    const std::size_t elements = weight.rows * weight.columns;
    product(fmt::format("linear {} bits, {} x {} x {}", weight.bits, m, columns, rows), m, weight,
            elements * bits_of(weight) / 8 + elements / weight.group_size * 4);
  }

  void dense(std::size_t m, int columns, int rows) {
    cpu::WeightMatrix weight;
    weight.rows = static_cast<std::size_t>(rows);
    weight.columns = static_cast<std::size_t>(columns);
    weight.type = cpu::ElementType::kBfloat16;
    product(fmt::format("linear bf16, {} x {} x {}", m, columns, rows), m, weight,
            weight.rows * weight.columns * 2);
  }

  void attend(const char* name, std::size_t queries, std::size_t keys, int heads, int kv_heads,
              int head_dim, cpu::KvType type) {
    cpu::AttentionArguments a;
    a.query_count = queries;
    a.key_count = keys;
    a.heads = static_cast<std::size_t>(heads);
    a.kv_heads = static_cast<std::size_t>(kv_heads);
    a.head_dim = static_cast<std::size_t>(head_dim);
    a.query_stride = a.heads * a.head_dim;
    a.kv_type = type;
    a.kv_stride = a.kv_heads * cpu::kv_row_bytes(type, a.head_dim);
    a.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
    a.causal = type == cpu::KvType::kFloat16;
    const std::vector<float> x = numbers(queries * a.query_stride);
    const std::vector<float> rows = numbers(keys * a.kv_heads * a.head_dim);
    std::vector<std::uint8_t> cache(keys * a.kv_stride);
    cpu::pack_kv_rows(rows.data(), keys * a.kv_heads, a.head_dim, type, cache.data());
    std::vector<float> output(x.size());
    a.queries = x.data();
    a.keys = a.values = cache.data();
    a.output = output.data();
    const double seen = static_cast<double>(keys) - (a.causal ? static_cast<double>(queries - 1) / 2
                                                              : 0.0);  // a query, on average
    time(fmt::format("{}, {} x {}, heads {}/{} of {}", name, queries, keys, heads, kv_heads,
                     head_dim),
         2.0 * static_cast<double>(cache.size()), 4.0 * static_cast<double>(x.size()) * seen,
         [&] { cpu::attention(a); });
  }

  void choose(int vocab_size) {
    constexpr std::size_t kTopK = 20;
    const std::vector<float> logits = numbers(static_cast<std::size_t>(vocab_size));
    const auto bytes = static_cast<double>(logits.size() * sizeof(float));
    time(fmt::format("{} largest of {}", kTopK, vocab_size), bytes, 0,
         [&] { cpu::largest_k(logits.data(), logits.size(), kTopK); });
    std::vector<float> weights(logits.size());
    time(fmt::format("softmax of {}", vocab_size), 3 * bytes, 0, [&] {
      std::copy(logits.begin(), logits.end(), weights.begin());
      cpu::softmax_weights(weights.data(), weights.size(), 1.0f, 0.7f);
    });
  }

  qwen::Config config_;
  int repeats_;
  StopToken stop_;
  std::vector<std::uint64_t> codes_;
  std::vector<KernelTiming> timings_;
};

}  // namespace

KernelBenchmarkResult run_kernel_benchmark(const KernelBenchmarkOptions& options, StopToken stop) {
  if (options.repeats < 1 || options.repeats > 1000) {
    throw Error(ErrorCode::kUsage, tr("repeats is {}, expected 1..1000",
                                      "repeats — {}, ожидается 1..1000", options.repeats));
  }
  tensor::prepare_device({.threads = options.threads});
  KernelBench bench(options, std::move(stop));
  KernelBenchmarkResult result;
  result.threads = cpu::thread_pool().size();
  const auto before = cpu::measure_roofline();
  result.kernels = bench.run();
  const auto peak = cpu::best_of(before, cpu::measure_roofline());
  result.peak_read_bytes_per_second = peak.read_bytes_per_second;
  result.peak_flops_per_second = peak.flops_per_second;
  return result;
}

}  // namespace oko::testing

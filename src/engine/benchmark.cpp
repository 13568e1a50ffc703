#include "engine/benchmark.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "base/error.h"
#include "base/language.h"
#include "models/qwen3_vl/model.h"
#include "tensor/cpu/machine_peak.h"
#include "tensor/cpu/thread_pool.h"
#include "tensor/device.h"

namespace oko::engine {

namespace qwen = models::qwen3_vl;

namespace {

constexpr int kDecodePrompt = 16;  // tokens before the timed ones, or of the warm-up

void check_range(const char* name, int value, int least, int most) {
  if (value >= least && value <= most) return;
  throw Error(ErrorCode::kUsage, tr("{} is {}, expected {}..{}", "{} — {}, ожидается {}..{}", name,
                                    value, least, most));
}

void check(const BenchmarkOptions& options) {
  check_range("repeats", options.repeats, 1, 1000);
  check_range("tokens", options.tokens, 1, 100'000);
  check_range("side", options.side, 32, 8192);
  if (options.side % 32 != 0) {
    throw Error(ErrorCode::kUsage,
                tr("side is {}, not a multiple of 32", "side — {}, не кратно 32", options.side));
  }
}

std::vector<std::int32_t> some_tokens(int count, int vocab_size) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back((i * 7919 + 13) % std::min(vocab_size, 100'000));
  return ids;
}

/// A timed pass of the model, and what it has to do.
class Pass {
 public:
  Pass(const BenchmarkOptions& options, std::stop_token stop)
      : options_(options), stop_(std::move(stop)), model_(qwen::Model::load(options.model)) {}

  double seconds() const {
    switch (options_.kind) {
      case BenchmarkKind::kDecode:
        return decode();
      case BenchmarkKind::kPrefill:
        return prefill();
      case BenchmarkKind::kVision:
        return see();
    }
    return 0;
  }

  /// A short prompt, so that the first run does not wait for the file's pages to be mapped.
  void warm_up() const {
    const auto ids = some_tokens(kDecodePrompt, model_->config().text.vocab_size);
    qwen::Sequence(*model_, {.reserve = kDecodePrompt}).prefill(ids, {}, stop_);
  }

  void describe(BenchmarkResult& result) const {
    const bool decoding = options_.kind == BenchmarkKind::kDecode;
    const bool seeing = options_.kind == BenchmarkKind::kVision;
    const int passes = decoding ? options_.tokens : 1;
    const qwen::Work work = seeing ? model_->work_of_picture(patches())
                                   : model_->work_of_tokens(decoding ? 1 : options_.tokens);
    result.units = seeing ? 1 : options_.tokens;
    result.weight_bytes = static_cast<double>(work.weight_bytes) * passes;
    result.flops = 2.0 * static_cast<double>(work.multiply_adds) * passes;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static double since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  int patches() const {
    const int side = options_.side / model_->config().vision.patch_size;
    return side * side;
  }

  double decode() const {
    const auto ids = some_tokens(kDecodePrompt + options_.tokens, model_->config().text.vocab_size);
    qwen::Sequence sequence(*model_, {.reserve = static_cast<int>(ids.size())});
    sequence.prefill(std::span(ids).first(kDecodePrompt), {}, stop_);
    const auto start = Clock::now();
    for (const std::int32_t id : std::span(ids).subspan(kDecodePrompt)) {
      if (stop_.stop_requested()) throw Error(ErrorCode::kCancelled, tr("stopped", "остановлено"));
      sequence.decode(id);
    }
    return since(start);
  }

  double prefill() const {
    const auto ids = some_tokens(options_.tokens, model_->config().text.vocab_size);
    qwen::Sequence sequence(*model_, {.reserve = options_.tokens});
    const auto start = Clock::now();
    sequence.prefill(ids, {}, stop_);
    return since(start);
  }

  double see() const {
    const qwen::VisionConfig& vision = model_->config().vision;
    const int side = options_.side / vision.patch_size;
    qwen::Patches picture{{1, side, side}, vision.spatial_merge_size, {}};
    picture.pixel_values.resize(
        static_cast<std::size_t>(patches() * vision.in_channels * vision.temporal_patch_size *
                                 vision.patch_size * vision.patch_size));
    for (std::size_t i = 0; i < picture.pixel_values.size(); ++i) {
      picture.pixel_values[i] = static_cast<float>(i * 7919 % 511) / 255.0f - 1.0f;
    }
    const auto start = Clock::now();
    model_->encode_image(picture, stop_);
    return since(start);
  }

  const BenchmarkOptions& options_;
  std::stop_token stop_;
  std::unique_ptr<qwen::Model> model_;
};

BenchmarkResult run(const BenchmarkOptions& options, const std::stop_token& stop) {
  tensor::prepare_device({.threads = options.threads});
  const Pass pass(options, stop);
  BenchmarkResult result;
  pass.describe(result);
  result.threads = tensor::cpu::thread_pool().size();
  const auto before = tensor::cpu::measure_machine_peak();
  if (options.kind == BenchmarkKind::kPrefill) pass.warm_up();
  for (int i = 0; i < options.repeats; ++i) result.seconds.push_back(pass.seconds());
  const auto after = tensor::cpu::measure_machine_peak();
  std::sort(result.seconds.begin(), result.seconds.end());
  result.peak_read_bytes_per_second =
      std::max(before.read_bytes_per_second, after.read_bytes_per_second);
  result.peak_flops_per_second = std::max(before.flops_per_second, after.flops_per_second);
  return result;
}

}  // namespace

BenchmarkResult run_benchmark(const BenchmarkOptions& options, std::stop_token stop) {
  check(options);
  // MLX belongs to one thread, which makes and gives back all its arrays.
  std::packaged_task<BenchmarkResult()> task([&] { return run(options, stop); });
  std::future<BenchmarkResult> result = task.get_future();
  const std::jthread owner(std::move(task));
  return result.get();
}

}  // namespace oko::engine

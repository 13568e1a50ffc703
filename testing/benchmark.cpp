#include "testing/benchmark.h"

#include <algorithm>
#include <future>

#include "base/error.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"
#include "engine/plan.h"
#include "tensor/buffer_phases.h"
#include "tensor/cpu/roofline_probe.h"
#include "tensor/cpu/thread_pool.h"
#include "tensor/device.h"
#include "tensor/weights.h"
#include "testing/benchmark_pass.h"

namespace oko::testing {

namespace {

void check_range(const char* name, int value, int least, int most) {
  if (value >= least && value <= most) return;
  throw Error(ErrorCode::kUsage, tr("{} is {}, expected {}..{}", "{} — {}, ожидается {}..{}", name,
                                    value, least, most));
}

void check(const BenchmarkOptions& options) {
  check_range("repeats", options.repeats, 1, 1000);
  check_range("tokens", options.tokens, 1, 100'000);
  check_range("texts", options.texts, 1, 10'000);
  check_range("side", options.side, 32, 8192);
  if (options.side % 32 != 0) {
    throw Error(ErrorCode::kUsage,
                tr("side is {}, not a multiple of 32", "side — {}, не кратно 32", options.side));
  }
}

/// Refuses a pass over the budget: a smaller pass would be another measurement.
void require_budget(const BenchmarkOptions& options, const BenchmarkPass& pass) {
  const std::uint64_t bytes = engine::runtime_bytes(tensor::on_gpu()) +
                              tensor::Weights::bytes_on_disk(options.model) +
                              pass.predicted_memory();
  if (options.budget_bytes == 0 || bytes <= options.budget_bytes) return;
  throw budget::OverBudget(bytes, options.budget_bytes);
}

BenchmarkResult run(const BenchmarkOptions& options, const StopToken& stop) {
  tensor::prepare_device({.threads = options.threads});
  const std::unique_ptr<BenchmarkPass> pass = make_pass(options, stop);
  require_budget(options, *pass);
  BenchmarkResult result;
  pass->describe(result);
  result.device = tensor::device();
  if (!tensor::uses_graph()) {
    result.cpu = {tensor::cpu::thread_pool().size(), tensor::cpu::measure_roofline()};
  }
  result.gpu = tensor::gpu_name();
  tensor::BufferPhases buffers;
  buffers.begin(pass->predicted_memory());
  pass->warm_up();
  for (int i = 0; i < options.repeats; ++i) result.seconds.push_back(pass->seconds());
  const std::uint64_t held = buffers.take_peak();
  result.mlx_peak_bytes = buffers.peak_bytes();
  result.mlx_loaded_bytes = result.mlx_peak_bytes - held;
  if (result.cpu) {
    result.cpu->peak = tensor::cpu::best_of(result.cpu->peak, tensor::cpu::measure_roofline());
  }
  std::sort(result.seconds.begin(), result.seconds.end());
  return result;
}

}  // namespace

BenchmarkResult run_benchmark(const BenchmarkOptions& options, StopToken stop) {
  check(options);
  // MLX belongs to one thread, which makes and frees all its arrays.
  std::packaged_task<BenchmarkResult()> task([&] { return run(options, stop); });
  std::future<BenchmarkResult> result = task.get_future();
  const JoiningThread owner(std::move(task));
  return result.get();
}

}  // namespace oko::testing

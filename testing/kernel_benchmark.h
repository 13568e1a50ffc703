#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/stop_token.h"

namespace oko::testing {

struct KernelBenchmarkOptions {
  std::filesystem::path model;  ///< folder of a Qwen3-VL model: its config.json gives the shapes
  std::size_t threads = 0;      ///< 0: one a physical core
  int repeats = 5;
};

/// One CPU kernel at one of the model's shapes, on random numbers.
struct KernelTiming {
  std::string name;
  double seconds = 0;  ///< median
  double bytes = 0;    ///< the least that it reads: weights, or keys and values
  double flops = 0;    ///< a multiplication and an addition are two

  double bytes_per_second() const { return bytes / seconds; }
  double flops_per_second() const { return flops / seconds; }
};

struct KernelBenchmarkResult {
  std::size_t threads = 0;
  double peak_read_bytes_per_second = 0;  ///< of this machine, the best of before and after
  double peak_flops_per_second = 0;       ///< of f32; integers reach twice that
  std::vector<KernelTiming> kernels;
};

/// Throws kUsage for options out of range, kBadModel, kCancelled. Takes some 600 MB.
KernelBenchmarkResult run_kernel_benchmark(const KernelBenchmarkOptions& options,
                                           StopToken stop = {});

}  // namespace oko::testing

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "tensor/cpu/roofline_probe.h"
#include "tensor/device.h"

namespace oko::testing {

enum class BenchmarkKind { kDecode, kPrefill, kVision, kEmbed };

struct BenchmarkOptions {
  BenchmarkKind kind = BenchmarkKind::kDecode;
  std::filesystem::path model;  ///< folder of a Qwen3-VL model; kEmbed: of a BGE-M3 model
  std::size_t threads = 0;      ///< 0: one a physical core
  int repeats = 3;
  /// decode: generated after a prompt of 16; prefill: of the prompt; embed: of a text.
  int tokens = 64;
  int texts = 1;                   ///< embed: in one pass
  int side = 1024;                 ///< vision: of the picture, pixels, a multiple of 32
  std::uint64_t budget_bytes = 0;  ///< 0: not limited
};

struct BenchmarkResult {
  tensor::Device device = tensor::Device::kCpu;
  std::string gpu;              ///< its name; empty: none was used
  int units = 0;                ///< tokens, or one picture, a run
  std::vector<double> seconds;  ///< of each run, sorted
  double weight_bytes = 0;      ///< the least that a run reads
  double flops = 0;             ///< the least that a run computes, without attention over text

  /// MLX's buffers after loading, and their peak. oko's kernels have memory of their own.
  std::uint64_t mlx_loaded_bytes = 0;
  std::uint64_t mlx_peak_bytes = 0;

  /// Set if oko's CPU kernels did the work; the roofline of a GPU is not measured.
  struct Cpu {
    std::size_t threads = 0;
    tensor::cpu::Roofline peak;  ///< the best of before and after
  };
  std::optional<Cpu> cpu;

  double median() const { return seconds[seconds.size() / 2]; }
  double bytes_per_second() const { return weight_bytes / median(); }
  double flops_per_second() const { return flops / median(); }
};

/// Times a model's passes on random input and measures the roofline of the machine. Throws kUsage
/// for options out of range, kOverBudget, kBadModel, kCancelled.
BenchmarkResult run_benchmark(const BenchmarkOptions& options, StopToken stop = {});

}  // namespace oko::testing

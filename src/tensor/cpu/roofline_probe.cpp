#include "tensor/cpu/roofline_probe.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <vector>

#include "base/heap.h"
#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/roofline_probe.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// As many runs side by side as `kStreams`.
template <std::size_t kStreams>
float sum_streams(const float* values, std::size_t count, std::size_t floats_ahead) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t kLine = 64 / sizeof(float);
  const std::size_t lanes = hn::Lanes(d), run = count / kStreams;
  hn::Vec<decltype(d)> sums[kStreams][2];
  for (auto& of_stream : sums) of_stream[0] = of_stream[1] = hn::Zero(d);
  for (std::size_t i = 0; i < run; i += 2 * kLine) {
    HWY_UNROLL(4)
    for (std::size_t s = 0; s < kStreams; ++s) {
      const float* from = values + s * run + i;
      if (floats_ahead > 0) {
        hwy::Prefetch(from + floats_ahead);
        hwy::Prefetch(from + floats_ahead + kLine);
      }
      for (std::size_t j = 0; j < 2 * kLine; j += 2 * lanes) {
        sums[s][0] = hn::Add(sums[s][0], hn::LoadU(d, from + j));
        sums[s][1] = hn::Add(sums[s][1], hn::LoadU(d, from + j + lanes));
      }
    }
  }
  float total = 0;
  for (const auto& of_stream : sums) {
    total += hn::GetLane(hn::SumOfLanes(d, hn::Add(of_stream[0], of_stream[1])));
  }
  return total;
}

float sum_floats(const float* values, std::size_t count, ReadPattern pattern) {
  const std::size_t floats_ahead = pattern.bytes_ahead / sizeof(float);
  switch (pattern.streams) {
    case 1:
      return sum_streams<1>(values, count, floats_ahead);
    case 2:
      return sum_streams<2>(values, count, floats_ahead);
    default:
      return sum_streams<4>(values, count, floats_ahead);
  }
}

double multiply_add_rounds(std::size_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, *sink);
  const auto term = hn::Set(d, 1e-3f);
  // All different: the compiler makes one of chains that are equal, and the figure too good.
  const auto start = [&](float value) HWY_ATTR { return hn::Set(d, value); };
  auto s0 = start(0), s1 = start(1), s2 = start(2), s3 = start(3), s4 = start(4), s5 = start(5),
       s6 = start(6), s7 = start(7), s8 = start(8), s9 = start(9), s10 = start(10), s11 = start(11);
  for (std::size_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, factor, term);
    s1 = hn::MulAdd(s1, factor, term);
    s2 = hn::MulAdd(s2, factor, term);
    s3 = hn::MulAdd(s3, factor, term);
    s4 = hn::MulAdd(s4, factor, term);
    s5 = hn::MulAdd(s5, factor, term);
    s6 = hn::MulAdd(s6, factor, term);
    s7 = hn::MulAdd(s7, factor, term);
    s8 = hn::MulAdd(s8, factor, term);
    s9 = hn::MulAdd(s9, factor, term);
    s10 = hn::MulAdd(s10, factor, term);
    s11 = hn::MulAdd(s11, factor, term);
  }
  const auto low = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(s4, s5));
  const auto high = hn::Add(hn::Add(hn::Add(s6, s7), hn::Add(s8, s9)), hn::Add(s10, s11));
  *sink = 0.5f + 1e-6f * hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
  return 2.0 * 12 * static_cast<double>(rounds * hn::Lanes(d));
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {

HWY_EXPORT(sum_floats);
HWY_EXPORT(multiply_add_rounds);

float sum_floats(const float* values, std::size_t count, ReadPattern pattern) {
  return HWY_DYNAMIC_DISPATCH(sum_floats)(values, count, pattern);
}

double multiply_add_rounds(std::size_t rounds, float* sink) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_rounds)(rounds, sink);
}

namespace {

/// The best of some runs: others' work on the machine only makes them slower.
template <typename Run>
double best_seconds(Run run) {
  constexpr int kRuns = 7;
  double best = 1e9;
  for (int i = 0; i < kRuns; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

/// Uninitialised memory in large pages, where the system has them: with pages of 4 kB the misses of
/// address translation hide some of the bandwidth.
class LargePages {
 public:
  explicit LargePages(std::size_t bytes) : memory_(::operator new(bytes, kAlignment)) {
    prefer_large_pages(memory_, bytes);
  }
  ~LargePages() { ::operator delete(memory_, kAlignment); }
  LargePages(const LargePages&) = delete;
  LargePages& operator=(const LargePages&) = delete;

  float* floats() const { return static_cast<float*>(memory_); }

 private:
  static constexpr std::align_val_t kAlignment{2 << 20};

  void* memory_;
};

constexpr ReadPattern kReadPatterns[] = {{1, 0},    {1, 1024}, {1, 4096},
                                         {2, 1024}, {4, 0},    {4, 1024}};

}  // namespace

Roofline best_of(const Roofline& a, const Roofline& b) {
  return {std::max(a.read_bytes_per_second, b.read_bytes_per_second),
          std::max(a.flops_per_second, b.flops_per_second)};
}

double measure_read_bandwidth(std::size_t bytes) {
  constexpr std::size_t kRanges = 64;
  const std::size_t count = bytes / sizeof(float), range = count / kRanges;
  const LargePages memory(bytes);
  float* values = memory.floats();
  thread_pool().parallel_ranges(count, range, [&](std::size_t first, std::size_t last) {
    std::fill(values + first, values + last, 1.0f);
  });
  std::vector<float> sums(kRanges);
  double best = 1e9;
  // Which one finds most differs between processors, and from minute to minute.
  for (const ReadPattern& pattern : kReadPatterns) {
    best =
        std::min(best, best_seconds([&] {
                   thread_pool().parallel_ranges(count, range, [&](std::size_t first, std::size_t) {
                     sums[first / range] = sum_floats(values + first, range, pattern);
                   });
                 }));
  }
  return static_cast<double>(bytes) / best;
}

Roofline measure_roofline() {
  constexpr std::size_t kBytes = 256 << 20;
  constexpr std::size_t kRounds = 2'000'000;
  Roofline peak;
  peak.read_bytes_per_second = measure_read_bandwidth(kBytes);
  const std::size_t threads = thread_pool().size();
  std::vector<float> sinks(threads * 64, 0.5f);  // a cache line each
  std::vector<double> operations(threads);
  const double seconds = best_seconds([&] {
    thread_pool().parallel_for(threads, [&](std::size_t thread) {
      operations[thread] = multiply_add_rounds(kRounds, &sinks[thread * 64]);
    });
  });
  peak.flops_per_second = operations[0] * static_cast<double>(threads) / seconds;
  return peak;
}

}  // namespace oko::tensor::cpu
#endif

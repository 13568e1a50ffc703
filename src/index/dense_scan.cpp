#include "index/dense_scan.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <mutex>
#include <numeric>

#include "index/vector_codes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/dense_scan.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/arm_bytes-inl.h"
#include "tensor/cpu/pair_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace kernels = tensor::cpu::HWY_NAMESPACE;

/// How far ahead memory is asked for: processors look ahead within a page only.
constexpr std::size_t kAheadBytes = 8192;

/// kRows rows · the query, modulo 2^32: the sums pass 2^31 on the way, results do not.
template <std::size_t kRows>
HWY_INLINE void multiply_rows(const std::uint8_t* codes, const QueryCodes& query,
                              std::uint32_t* dots) {
  const kernels::SumTag di;
  const std::size_t dimensions = query.codes.size();
  kernels::SumVector sum[kRows];
  for (auto& each : sum) each = hn::Zero(di);
  if constexpr (kernels::kHasByteDot) {
    const hn::Repartition<std::uint8_t, kernels::SumTag> du8;
    const hn::Repartition<std::int8_t, kernels::SumTag> di8;
    kernels::SumVector high[kRows];
    for (auto& each : high) each = hn::Zero(di);
    const auto add = [&](std::size_t i, auto load) HWY_ATTR {
      const auto query_high = hn::BitCast(di, hn::Load(di8, query.high.data() + i));
      const auto query_low = hn::BitCast(di, hn::Load(di8, query.low.data() + i));
      for (std::size_t t = 0; t < kRows; ++t) {
        const std::uint8_t* from = codes + t * dimensions + i;
        __builtin_prefetch(from + kAheadBytes);
        const auto row = hn::BitCast(di, load(from));
        high[t] = kernels::add_byte_dot(high[t], row, query_high);
        sum[t] = kernels::add_byte_dot(sum[t], row, query_low);
      }
    };
    const std::size_t lanes = hn::Lanes(du8);
    std::size_t i = 0;
    for (; i + lanes <= dimensions; i += lanes) {
      add(i, [&](const std::uint8_t* from) HWY_ATTR { return hn::LoadU(du8, from); });
    }
    if (i < dimensions) {
      const auto rest = hn::FirstN(du8, dimensions - i);
      add(i, [&](const std::uint8_t* from) HWY_ATTR { return hn::MaskedLoad(rest, du8, from); });
    }
    for (std::size_t t = 0; t < kRows; ++t) sum[t] = hn::Add(sum[t], hn::ShiftLeft<7>(high[t]));
  } else {
    const kernels::ShortTag ds;
    const hn::Rebind<std::uint8_t, kernels::ShortTag> du8;
    for (std::size_t i = 0; i < dimensions; i += hn::Lanes(ds)) {
      const auto factor = hn::Load(ds, query.codes.data() + i);
      for (std::size_t t = 0; t < kRows; ++t) {
        const std::uint8_t* from = codes + t * dimensions + i;
        __builtin_prefetch(from + kAheadBytes);
        sum[t] = kernels::add_pair_dot(sum[t], hn::PromoteTo(ds, hn::LoadU(du8, from)), factor);
      }
    }
  }
  for (std::size_t t = 0; t < kRows; ++t) {
    dots[t] = static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(di, sum[t])));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_NEON
HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {

/// The same by Arm's products of bytes, of rows less 128.
template <std::size_t kRows>
HWY_NOINLINE OKO_DOT void multiply_rows_with_arm(const std::uint8_t* codes, const QueryCodes& query,
                                                 std::uint32_t* dots) {
  const kernels::SumTag di;
  const std::size_t dimensions = query.codes.size();
  kernels::SumVector high[kRows], low[kRows];
  for (std::size_t t = 0; t < kRows; ++t) high[t] = low[t] = hn::Zero(di);
  for (std::size_t i = 0; i < dimensions; i += 16) {
    const auto query_high = kernels::load_bytes(query.high.data() + i);
    const auto query_low = kernels::load_bytes(query.low.data() + i);
    for (std::size_t t = 0; t < kRows; ++t) {
      const std::uint8_t* from = codes + t * dimensions + i;
      if (i % 64 == 0) __builtin_prefetch(from + kAheadBytes);
      const auto row = hn::Xor(kernels::load_bytes(from), kernels::bytes_of(0x80));
      high[t] = kernels::add_signed_dot(high[t], row, query_high);
      low[t] = kernels::add_signed_dot(low[t], row, query_low);
    }
  }
  for (std::size_t t = 0; t < kRows; ++t) {
    const auto sum = hn::SumOfLanes(di, hn::Add(low[t], hn::ShiftLeft<7>(high[t])));
    dots[t] = static_cast<std::uint32_t>(hn::GetLane(sum)) + query.offset;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {

template <std::size_t kRows>
HWY_INLINE void multiply_rows(bool with_arm, const std::uint8_t* codes, const QueryCodes& query,
                              std::uint32_t* dots) {
#if HWY_TARGET == HWY_NEON
  if (with_arm) return multiply_rows_with_arm<kRows>(codes, query, dots);
#endif
  multiply_rows<kRows>(codes, query, dots);
}

/// Inner products of rows that follow each other.
void multiply_all(const std::uint8_t* codes, std::size_t rows, const QueryCodes& query,
                  std::uint32_t* dots) {
  const std::size_t dimensions = query.codes.size();
  const bool with_arm = kernels::uses_arm_dot();
  std::size_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    multiply_rows<4>(with_arm, codes + row * dimensions, query, dots + row);
  }
  for (; row < rows; ++row) multiply_rows<1>(with_arm, codes + row * dimensions, query, dots + row);
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::index {
namespace {

HWY_EXPORT(multiply_all);

constexpr std::size_t kGroup = 64;         ///< rows of a word of the bitmap
constexpr std::size_t kGroupsOfTask = 16;  ///< at least; a block
constexpr int kFewRows = 16;               ///< of a group: below, they are read one by one

/// Bits of the rows of `group` that exist and may be returned.
std::uint64_t live_rows(std::span<const std::uint64_t> live, std::size_t group, std::size_t rows) {
  const std::size_t count = std::min(kGroup, rows - group * kGroup);
  const std::uint64_t exist = ~std::uint64_t{0} >> (kGroup - count);
  return live.empty() ? exist : live[group] & exist;
}

void scan_group(const CodeView& view, const QueryCodes& query, std::size_t group,
                std::uint64_t wanted, BestRows& top) {
  if (wanted == 0) return;
  const std::size_t first = group * kGroup, block = first / kBlockRows;
  const std::uint8_t* codes = view.codes_of(block) + first % kBlockRows * view.dimensions;
  const float* scales = view.scales_of(block) + first % kBlockRows;
  std::uint32_t dots[kGroup];
  if (std::popcount(wanted) > kFewRows) {
    const std::size_t count = std::min(kGroup, view.rows - first);
    HWY_DYNAMIC_DISPATCH(multiply_all)(codes, count, query, dots);
  } else {
    for (std::uint64_t rest = wanted; rest != 0; rest &= rest - 1) {
      const auto row = static_cast<std::size_t>(std::countr_zero(rest));
      HWY_DYNAMIC_DISPATCH(multiply_all)(codes + row * view.dimensions, 1, query, dots + row);
    }
  }
  for (std::uint64_t rest = wanted; rest != 0; rest &= rest - 1) {
    const auto row = static_cast<std::size_t>(std::countr_zero(rest));
    const auto dot = static_cast<std::int32_t>(dots[row] - query.offset);
    const float score = static_cast<float>(dot) * (scales[row] * query.scale);
    top.offer({static_cast<std::uint32_t>(first + row), score});
  }
}

}  // namespace

CodeView view_of(std::span<const std::uint8_t> codes, std::span<const float> scales,
                 std::size_t dimensions) {
  return {.dimensions = dimensions,
          .rows = scales.size(),
          .codes = codes.data(),
          .scales = scales.data(),
          .codes_stride = kBlockRows * dimensions,
          .scales_stride = kBlockRows};
}

std::vector<ScoredRow> top_rows(const CodeView& view, std::span<const float> query, std::size_t k,
                                std::span<const std::uint64_t> live,
                                tensor::cpu::ThreadPool& pool) {
  const QueryCodes query_codes(query);
  const std::size_t groups = (view.rows + kGroup - 1) / kGroup;
  k = std::min(k, view.rows);
  if (k == 0) return {};
  BestRows all(k);
  std::vector<std::unique_ptr<BestRows>> idle;  // since tasks must not allocate
  idle.reserve(pool.size());
  for (std::size_t i = 0; i < pool.size(); ++i) idle.push_back(std::make_unique<BestRows>(k));
  std::mutex mutex;
  pool.parallel_runs(groups, kGroupsOfTask, [&](std::size_t first, std::size_t last) {
    std::unique_ptr<BestRows> top;
    {
      const std::lock_guard lock(mutex);
      top = std::move(idle.back());
      idle.pop_back();
      top->restart(all.threshold());
    }
    for (std::size_t group = first; group < last; ++group) {
      scan_group(view, query_codes, group, live_rows(live, group, view.rows), *top);
    }
    const std::lock_guard lock(mutex);
    all.offer_all(*top);
    idle.push_back(std::move(top));
  });
  return std::move(all).sorted();
}

/// In several sums, which do not wait for each other.
double exact_product(std::span<const float> a, std::span<const float> b) {
  constexpr std::size_t kSums = 8;
  static_assert(kDimensionStep % kSums == 0);
  double sums[kSums] = {};
  for (std::size_t i = 0; i < a.size(); i += kSums) {
    for (std::size_t j = 0; j < kSums; ++j) sums[j] += static_cast<double>(a[i + j]) * b[i + j];
  }
  return std::accumulate(sums, sums + kSums, 0.0);
}

std::vector<ScoredRow> rescore(std::span<const ScoredRow> candidates, std::span<const float> query,
                               std::size_t k, const ReadVector& read) {
  std::vector<ScoredRow> rows;
  rows.reserve(candidates.size());
  std::vector<float> vector(query.size());
  for (const ScoredRow& candidate : candidates) {
    if (!read(candidate.row, vector)) continue;
    const double score = exact_product(query, vector);
    rows.push_back({candidate.row, static_cast<float>(score)});
  }
  std::sort(rows.begin(), rows.end(), is_before);
  if (rows.size() > k) rows.resize(k);
  return rows;
}

}  // namespace oko::index
#endif

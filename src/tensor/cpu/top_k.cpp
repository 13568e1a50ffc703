#include "tensor/cpu/top_k.h"

#include <algorithm>
#include <limits>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/top_k.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

Largest largest_in(const float* x, std::size_t count) {
  const hn::ScalableTag<float> d;
  const hn::ScalableTag<std::int32_t> di;
  const std::size_t lanes = hn::Lanes(d);
  auto best = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto best_index = hn::Zero(di);
  auto index = hn::Iota(di, 0);
  auto not_a_number = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes, index = hn::Add(index, hn::Set(di, lanes))) {
    const auto value = hn::LoadU(d, x + i);
    const auto larger = hn::Gt(value, best);
    best = hn::IfThenElse(larger, value, best);
    best_index = hn::IfThenElse(hn::RebindMask(di, larger), index, best_index);
    not_a_number = hn::IfThenElse(hn::IsNaN(value), value, not_a_number);
  }
  alignas(64) float values[64];
  alignas(64) std::int32_t indices[64];
  hn::Store(best, d, values);
  hn::Store(best_index, di, indices);
  Largest result{0, x[0], !hn::AllFalse(d, hn::IsNaN(not_a_number))};
  const auto offer = [&](float value, std::size_t at) {
    if (value > result.value || (value == result.value && at < result.index)) {
      result.index = at;
      result.value = value;
    }
  };
  for (std::size_t l = 0; l < lanes && lanes <= count; ++l) {
    offer(values[l], static_cast<std::size_t>(indices[l]));
  }
  for (; i < count; ++i) {
    offer(x[i], i);
    result.has_nan |= x[i] != x[i];
  }
  return result;
}

/// True if any of a run of `kRun` numbers is above `threshold`.
constexpr std::size_t kRun = 64;
bool any_above(const float* x, float threshold) {
  const hn::ScalableTag<float> d;
  auto best = hn::LoadU(d, x);
  for (std::size_t i = hn::Lanes(d); i < kRun; i += hn::Lanes(d)) {
    best = hn::Max(best, hn::LoadU(d, x + i));
  }
  return !hn::AllFalse(d, hn::Gt(best, hn::Set(d, threshold)));
}

/// Appends the indices of what is above `threshold` in [first, ...) until `enough` are held;
/// returns where it stopped.
std::size_t collect_above(const float* x, std::size_t first, std::size_t count, float threshold,
                          std::size_t enough, std::vector<std::uint32_t>& indices) {
  std::size_t i = first;
  while (i < count && indices.size() < enough) {
    const std::size_t end = std::min(count, i + kRun);
    if (end - i == kRun && !any_above(x + i, threshold)) {
      i = end;
      continue;
    }
    for (; i < end; ++i) {
      if (x[i] > threshold) indices.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return i;
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {

HWY_EXPORT(largest_in);
HWY_EXPORT(collect_above);

Largest largest_of(const float* x, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(largest_in)(x, count);
}

std::vector<std::uint32_t> largest_k(const float* x, std::size_t count, std::size_t k) {
  const auto larger = [x](std::uint32_t a, std::uint32_t b) {
    return x[a] > x[b] || (x[a] == x[b] && a < b);
  };
  std::vector<std::uint32_t> indices(k);
  std::iota(indices.begin(), indices.end(), 0U);
  if (k == 0) return indices;
  // A few more than k are gathered before the k-th largest is looked for again.
  const std::size_t enough = 2 * k + 64;
  for (std::size_t i = k; i < count;) {
    std::nth_element(indices.begin(), indices.begin() + static_cast<std::ptrdiff_t>(k - 1),
                     indices.end(), larger);
    indices.resize(k);
    // Equals of the k-th that come later have larger indices: they lose.
    i = HWY_DYNAMIC_DISPATCH(collect_above)(x, i, count, x[indices[k - 1]], enough, indices);
  }
  std::nth_element(indices.begin(), indices.begin() + static_cast<std::ptrdiff_t>(k - 1),
                   indices.end(), larger);
  indices.resize(k);
  std::sort(indices.begin(), indices.end(), larger);
  return indices;
}

}  // namespace oko::tensor::cpu
#endif

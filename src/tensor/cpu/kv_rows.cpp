#include "tensor/cpu/kv_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tensor/cpu/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/cpu/kv_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// False if a number was cut.
bool pack_float16_row(const float* x, std::size_t head_dim, std::uint8_t* out) {
  bool fits = true;
  const auto pack = [&](auto d, std::size_t i) HWY_ATTR {
    const hn::Rebind<hwy::float16_t, decltype(d)> half;
    const auto limit = hn::Set(d, 65504.0f);
    const auto exact = hn::LoadU(d, x + i);
    const auto clamped = hn::Max(hn::Neg(limit), hn::Min(limit, exact));
    fits = fits && hn::AllFalse(d, hn::Gt(hn::Abs(exact), limit));
    hwy::float16_t packed[hn::MaxLanes(d)];
    hn::StoreU(hn::DemoteTo(half, clamped), half, packed);
    std::memcpy(out + 2 * i, packed, 2 * hn::Lanes(d));
  };
  const hn::ScalableTag<float> d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= head_dim; i += hn::Lanes(d)) pack(d, i);
  for (; i < head_dim; ++i) pack(hn::CappedTag<float, 1>(), i);
  return fits;
}

void pack_int8_row(const float* x, std::size_t head_dim, std::uint8_t* out) {
  float largest = 0.0f;
  for (std::size_t i = 0; i < head_dim; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float scale = largest / 127.0f;
  const float inverse = scale > 1e-30f ? 1.0f / scale : 0.0f;
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::int8_t, decltype(d)> di8;
  const std::size_t lanes = hn::Lanes(d);
  auto* q = reinterpret_cast<std::int8_t*>(out);
  std::size_t i = 0;
  for (; i + lanes <= head_dim; i += lanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse)));
    hn::StoreU(hn::DemoteTo(di8, whole), di8, q + i);
  }
  for (; i < head_dim; ++i) {
    q[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(x[i] * inverse), -127.0f, 127.0f));
  }
  std::memcpy(out + head_dim, &scale, sizeof(scale));
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::tensor::cpu {

HWY_EXPORT(pack_float16_row);
HWY_EXPORT(pack_int8_row);

std::size_t kv_row_bytes(KvType type, std::size_t head_dim) {
  switch (type) {
    case KvType::kFloat32:
      return head_dim * sizeof(float);
    case KvType::kFloat16:
      return head_dim * 2;
    case KvType::kInt8:
      return head_dim + sizeof(float);
  }
  return 0;
}

bool pack_kv_rows(const float* x, std::size_t rows, std::size_t head_dim, KvType type, void* out) {
  constexpr std::size_t kRowsPerTask = 128;
  std::atomic<bool> all_fit = true;
  const std::size_t bytes = kv_row_bytes(type, head_dim);
  thread_pool().parallel_ranges(rows, kRowsPerTask, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      const float* from = x + row * head_dim;
      std::uint8_t* to = static_cast<std::uint8_t*>(out) + row * bytes;
      switch (type) {
        case KvType::kFloat32:
          std::memcpy(to, from, bytes);
          break;
        case KvType::kFloat16:
          if (!HWY_DYNAMIC_DISPATCH(pack_float16_row)(from, head_dim, to)) all_fit = false;
          break;
        case KvType::kInt8:
          HWY_DYNAMIC_DISPATCH(pack_int8_row)(from, head_dim, to);
          break;
      }
    }
  });
  return all_fit;
}

}  // namespace oko::tensor::cpu
#endif

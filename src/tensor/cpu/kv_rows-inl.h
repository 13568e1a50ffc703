// Reading a row of keys or values. Included once a Highway target.
#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "tensor/cpu/kv_rows.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_KV_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_KV_ROWS_INL_H_
#undef OKO_TENSOR_CPU_KV_ROWS_INL_H_
#else
#define OKO_TENSOR_CPU_KV_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

HWY_INLINE void load_int8_row(const std::uint8_t* row, std::size_t head_dim, float* out) {
  const FloatTag d;
  const hn::Rebind<std::int8_t, FloatTag> di8;
  const hn::Rebind<std::int32_t, FloatTag> di32;
  const std::size_t lanes = hn::Lanes(d);
  const auto* q = reinterpret_cast<const std::int8_t*>(row);
  float scale;
  std::memcpy(&scale, row + head_dim, sizeof(scale));
  std::size_t i = 0;
  for (; i + lanes <= head_dim; i += lanes) {
    const auto whole = hn::PromoteTo(di32, hn::LoadU(di8, q + i));
    hn::StoreU(hn::Mul(hn::ConvertTo(d, whole), hn::Set(d, scale)), d, out + i);
  }
  for (; i < head_dim; ++i) out[i] = scale * static_cast<float>(q[i]);
}

/// One head's key or value as f32.
HWY_INLINE void load_kv_row(KvType type, const std::uint8_t* row, std::size_t head_dim,
                            float* out) {
  switch (type) {
    case KvType::kFloat32:
      std::memcpy(out, row, head_dim * sizeof(float));
      return;
    case KvType::kFloat16:
      return load_floats(row, ElementType::kFloat16, 0, head_dim, out);
    case KvType::kInt8:
      return load_int8_row(row, head_dim, out);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

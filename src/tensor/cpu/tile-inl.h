// The inner loops shared by the matrix product and attention. Highway's foreach_target includes
// this once a target, hence the toggling guard.
#include <hwy/highway.h>

#include <cstddef>

#if defined(OKO_TENSOR_CPU_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_TILE_INL_H_
#undef OKO_TENSOR_CPU_TILE_INL_H_
#else
#define OKO_TENSOR_CPU_TILE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows of a tile: with 2 vectors a row the accumulators, 2 operands and 1 broadcast fill the 16
/// registers of AVX2 and SSE, and leave room in the 32 of AVX-512 and NEON.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4
inline constexpr std::size_t kTileRows = 6;
#else
inline constexpr std::size_t kTileRows = 8;
#endif

/// c[r][j] (+)= sum over k of a[r * kRowStride + k * column_stride] * panel[k][j], for r < kRows
/// and j in kVectors vectors. `panel` is (depth, kVectors * lanes), contiguous. kRowStride and
/// column_stride are in elements; with the first known at compile time the rows cost no address
/// arithmetic.
template <std::size_t kRows, std::size_t kVectors, std::size_t kRowStride>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, std::size_t column_stride,
                              const float* HWY_RESTRICT panel, std::size_t depth,
                              float* HWY_RESTRICT c, std::size_t c_stride, bool accumulate) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  V sum[kRows][kVectors];
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[r][v] = accumulate ? hn::LoadU(d, c + r * c_stride + v * lanes) : hn::Zero(d);
    }
  }
  for (std::size_t k = 0; k < depth; ++k) {
    V operand[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      operand[v] = hn::LoadU(d, panel + v * lanes);
    }
    panel += kVectors * lanes;
    for (std::size_t r = 0; r < kRows; ++r) {
      const V factor = hn::Set(d, a[r * kRowStride]);
      for (std::size_t v = 0; v < kVectors; ++v) {
        sum[r][v] = hn::MulAdd(factor, operand[v], sum[r][v]);
      }
    }
    a += column_stride;
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      hn::StoreU(sum[r][v], d, c + r * c_stride + v * lanes);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

// Panels multiplied by Arm's products of bytes. Included once a Highway target.
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensor/cpu/amx-inl.h"
#include "tensor/cpu/arm_bytes-inl.h"
#include "tensor/cpu/integer_tiles-inl.h"

#if defined(OKO_TENSOR_CPU_ARM_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_ARM_DOT_INL_H_
#undef OKO_TENSOR_CPU_ARM_DOT_INL_H_
#else
#define OKO_TENSOR_CPU_ARM_DOT_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Words of a panel, (count, panel_rows()), in the order of `add_matrices`: of two words that
/// follow each other, both of a row beside each other.
inline void pair_words(std::uint32_t* words, std::size_t count) {
  const hn::RebindToUnsigned<SumTag> du;
  const std::size_t lanes = hn::Lanes(du), width = panel_rows();
  for (std::size_t w = 0; w + 2 <= count; w += 2, words += 2 * width) {
    hn::Vec<decltype(du)> first[kTileVectors], second[kTileVectors];
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      first[v] = hn::Load(du, words + v * lanes);
      second[v] = hn::Load(du, words + width + v * lanes);
    }
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      hn::Store(hn::InterleaveLower(du, first[v], second[v]), du, words + 2 * v * lanes);
      hn::Store(hn::InterleaveUpper(du, first[v], second[v]), du, words + (2 * v + 1) * lanes);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_NEON || defined(OKO_MODEL_OF_ARM_DOT)
HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// 128 · the sum of `size` signed bytes, a multiple of 16, in each lane.
HWY_INLINE OKO_DOT SumVector sum_for_shifted(const std::byte* q, std::size_t size) {
  SumVector sum = hn::Zero(SumTag());
  for (std::size_t k = 0; k < size; k += 16) {
    sum = add_signed_dot(sum, load_bytes(q + k), bytes_of(1));
  }
  return hn::ShiftLeft<7>(hn::SumOfLanes(SumTag(), sum));
}

/// dot[t] += codes · row t of q, over a group. Codes of more than 7 bits do not fit signed bytes:
/// with kShift they meet signed q less 128, which the sum of q makes good.
template <bool kUnsigned, bool kShift, std::size_t kInputs>
HWY_INLINE OKO_DOT void add_dots(const std::uint32_t* HWY_RESTRICT words, const std::byte* q,
                                 std::size_t stride, std::size_t size,
                                 SumVector (&dot)[kInputs][kTileVectors]) {
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  if constexpr (kShift) {
    for (std::size_t t = 0; t < kInputs; ++t) {
      const SumVector shift = sum_for_shifted(q + t * stride, size);
      for (std::size_t v = 0; v < kTileVectors; ++v) dot[t][v] = hn::Add(dot[t][v], shift);
    }
  }
  for (const std::byte* end = q + size; q != end; q += 4, words += panel_rows()) {
    SumVector code[kTileVectors];
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      code[v] = hn::BitCast(di, hn::Load(du, words + v * hn::Lanes(di)));
      if constexpr (kShift) code[v] = hn::Xor(code[v], bytes_of(0x80));
    }
    HWY_UNROLL(8)
    for (std::size_t t = 0; t < kInputs; ++t) {
      std::int32_t four;
      std::memcpy(&four, q + t * stride, sizeof(four));
      const SumVector factor = hn::Set(di, four);
      for (std::size_t v = 0; v < kTileVectors; ++v) {
        dot[t][v] = kUnsigned ? add_unsigned_dot(dot[t][v], code[v], factor)
                              : add_signed_dot(dot[t][v], code[v], factor);
      }
    }
  }
}

/// sums[t] += one group of the panel · rows of x, as `add_group`.
template <std::size_t kInputs, bool kFirst, bool kHalves, bool kShift>
HWY_NOINLINE OKO_DOT void add_dot_group(const AmxPanel& panel, const TileInput& x, std::size_t high,
                                        std::size_t group, float* HWY_RESTRICT sums) {
  const std::size_t size = panel.group_size;
  const std::uint32_t* words = panel.words + group * size / 4 * panel_rows();
  const std::byte* q = x.q + group * size;
  SumVector dot[kInputs][kTileVectors];
  for (auto& row : dot) {
    for (auto& sum : row) sum = hn::Zero(SumTag());
  }
  add_dots<false, kShift, kInputs>(words, q + high, x.stride, size, dot);
  if constexpr (kHalves) {
    for (auto& row : dot) {
      for (auto& sum : row) sum = hn::ShiftLeft<8>(sum);
    }
    add_dots<true, false, kInputs>(words, q, x.stride, size, dot);
  }
  add_scaled<kInputs, kFirst>(dot, panel.scales + group * panel_rows(),
                              panel.biases + group * panel_rows(), x, group, sums);
}

/// sums[i][p] += rows 2p and 2p + 1 of the panel, of `pair_words`, · rows 2i and 2i + 1 of q. Of
/// one row of q, it is both.
template <bool kUnsigned, std::size_t kInputs, std::size_t kPairs>
HWY_INLINE OKO_MATRIX void add_matrices(const std::uint32_t* HWY_RESTRICT words, const std::byte* q,
                                        std::size_t stride, std::size_t size,
                                        SumVector (&sums)[kPairs][2 * kTileVectors]) {
  const SumTag di;
  const hn::RebindToUnsigned<SumTag> du;
  for (const std::byte* end = q + size; q != end; q += 8, words += 2 * panel_rows()) {
    SumVector factor[kPairs];
    for (std::size_t i = 0; i < kPairs; ++i) {
      alignas(16) std::byte rows[16];
      std::memcpy(rows, q + 2 * i * stride, 8);
      std::memcpy(rows + 8, q + (kInputs == 1 ? 0 : 2 * i + 1) * stride, 8);
      factor[i] = load_bytes(rows);
    }
    HWY_UNROLL(8)
    for (std::size_t p = 0; p < 2 * kTileVectors; ++p) {
      const SumVector code = hn::BitCast(di, hn::Load(du, words + p * hn::Lanes(di)));
      for (std::size_t i = 0; i < kPairs; ++i) {
        sums[i][p] = add_matrix_dot<kUnsigned>(sums[i][p], code, factor[i]);
      }
    }
  }
}

/// The same as `add_dot_group`, by matrices.
template <std::size_t kInputs, bool kFirst, bool kHalves>
HWY_NOINLINE OKO_MATRIX void add_matrix_group(const AmxPanel& panel, const TileInput& x,
                                              std::size_t high, std::size_t group,
                                              float* HWY_RESTRICT all_sums) {
  constexpr std::size_t kPairs = (kInputs + 1) / 2;
  const SumTag di;
  const std::size_t size = panel.group_size;
  const std::uint32_t* words = panel.words + group * size / 4 * panel_rows();
  const std::byte* q = x.q + group * size;
  SumVector sums[kPairs][2 * kTileVectors];
  for (auto& row : sums) {
    for (auto& sum : row) sum = hn::Zero(di);
  }
  add_matrices<false, kInputs>(words, q + high, x.stride, size, sums);
  if constexpr (kHalves) {
    for (auto& row : sums) {
      for (auto& sum : row) sum = hn::ShiftLeft<8>(sum);
    }
    add_matrices<true, kInputs>(words, q, x.stride, size, sums);
  }
  SumVector dot[kInputs][kTileVectors];
  for (std::size_t t = 0; t < kInputs; ++t) {
    for (std::size_t v = 0; v < kTileVectors; ++v) {
      const SumVector low = sums[t / 2][2 * v], high_rows = sums[t / 2][2 * v + 1];
      dot[t][v] =
          t % 2 == 0 ? hn::ConcatEven(di, high_rows, low) : hn::ConcatOdd(di, high_rows, low);
    }
  }
  add_scaled<kInputs, kFirst>(dot, panel.scales + group * panel_rows(),
                              panel.biases + group * panel_rows(), x, group, all_sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_NEON || defined(OKO_MODEL_OF_ARM_DOT)
/// sums[t][row] += the panel · rows [input, input + kInputs) of x, columns of `slice`; `bits` are
/// those of its codes. With kMatrix the panel is in the order of `pair_words`.
template <std::size_t kInputs, bool kMatrix, bool kHalves, bool kShift>
void multiply_arm_tile(const AmxPanel& panel, const IntegerInput& x, std::size_t input,
                       std::size_t slice, float* HWY_RESTRICT sums) {
  const TileInput rows = tile_input(x, input, slice);
  const std::size_t high = kHalves ? x.depth : 0;  // the high bytes follow the low ones
  for (std::size_t g = 0; g < panel.groups; ++g) {
    const bool is_first = slice == 0 && g == 0;
    if constexpr (kMatrix) {
      is_first ? add_matrix_group<kInputs, true, kHalves>(panel, rows, high, g, sums)
               : add_matrix_group<kInputs, false, kHalves>(panel, rows, high, g, sums);
    } else {
      is_first ? add_dot_group<kInputs, true, kHalves, kShift>(panel, rows, high, g, sums)
               : add_dot_group<kInputs, false, kHalves, kShift>(panel, rows, high, g, sums);
    }
  }
}

/// The same for any number of rows and any codes.
template <std::size_t kInputs>
void multiply_arm_tile(const AmxPanel& panel, bool matrix, int bits, const IntegerInput& x,
                       std::size_t input, std::size_t slice, float* HWY_RESTRICT sums) {
  if (x.item == 1) {
    return matrix ? multiply_arm_tile<kInputs, true, false, true>(panel, x, input, slice, sums)
                  : multiply_arm_tile<kInputs, false, false, true>(panel, x, input, slice, sums);
  }
  if (matrix) return multiply_arm_tile<kInputs, true, true, true>(panel, x, input, slice, sums);
  return bits == 4 ? multiply_arm_tile<kInputs, false, true, false>(panel, x, input, slice, sums)
                   : multiply_arm_tile<kInputs, false, true, true>(panel, x, input, slice, sums);
}
#else
template <std::size_t kInputs>
void multiply_arm_tile(const AmxPanel&, bool, int, const IntegerInput&, std::size_t, std::size_t,
                       float*) {}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

// The product of many rows of activations with a panel of a weight in AMX's tiles. Every sum of a
// group is the whole number that other kernels get, and what follows is computed alike: so results
// are theirs to the bit. Included once a Highway target.
//
// A tile holds 16 rows of 64 bytes, and tdpb* adds 16 × 16 sums of 64 products in 16 cycles: 1024
// products a cycle, beside 128 of two vpdpbusd. Four tiles of sums (2 × 2), two of activations and
// two of codes are all eight. So a step of 64 columns loads 4 tiles for 4 products: 64 lines in 32
// cycles from the first-level cache, while the products take 64, which hides the 52 that each waits
// for the one before it. One tile of sums would load two for each product, which takes as long.
// Between groups of columns 32 × 32 sums are stored, converted and added to those of other groups:
// with 128 columns that is some 130 cycles of vectors for 128 of products. Their units differ, so
// both overlap as far as the processor looks ahead: half of 1024 is to be expected where all lies
// in caches, and of 16 bits, which are two products, a quarter. None of this is measured yet.
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/integer_tiles-inl.h"

#if defined(OKO_TENSOR_CPU_AMX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_AMX_INL_H_
#undef OKO_TENSOR_CPU_AMX_INL_H_
#else
#define OKO_TENSOR_CPU_AMX_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

constexpr std::size_t kAmxBytes = 64;              // of a row of a tile
constexpr std::size_t kBlockRows = 2 * kAmxRows;   // of activations
constexpr std::size_t kBlockWidth = 2 * kAmxRows;  // rows of the weight
constexpr std::size_t kBlockSums = kBlockRows * kBlockWidth;

/// Processors with AMX have this target.
#if HWY_TARGET == HWY_AVX3_DL && HWY_ARCH_X86_64
constexpr bool kHasAmx = true;

/// Makes the tiles of the calling thread 16 rows of 64 bytes, once.
inline void configure_tiles() {
  struct alignas(64) Configuration {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  };
  static_assert(sizeof(Configuration) == 64);
  thread_local bool is_done = false;
  if (is_done) return;
  Configuration tiles;
  std::fill_n(tiles.row_bytes, 8, kAmxBytes);
  std::fill_n(tiles.rows, 8, kAmxRows);
  asm volatile("ldtilecfg (%0)" : : "r"(&tiles) : "memory");
  is_done = true;
}

// Not the intrinsics: clang's ask for functions of another target, which are not inlined here.
// Compilers do not use tiles themselves.
template <int kTile>
HWY_INLINE void clear_tile() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
}

/// `stride`: bytes.
template <int kTile>
HWY_INLINE void load_tile(const void* from, std::size_t stride) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(kTile) : "memory");
}

template <int kTile>
HWY_INLINE void store_tile(void* to, std::size_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(kTile) : "memory");
}

/// sums (16, 16) += a (16, 64) · b: word j of row i of b holds rows 4i .. 4i + 3 of its column j.
/// Numbers of b are 0..255, those of a too or -128..127.
template <int kSums, int kA, int kB, bool kSigned>
HWY_INLINE void add_tile_dot() {
  if constexpr (kSigned) {
    asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  } else {
    asm volatile("tdpbuud %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kA), "i"(kB));
  }
}
#else
constexpr bool kHasAmx = false;

inline void configure_tiles() {}  // nor are those that follow called
template <int kTile>
HWY_INLINE void clear_tile() {}
template <int kTile>
HWY_INLINE void load_tile(const void*, std::size_t) {}
template <int kTile>
HWY_INLINE void store_tile(void*, std::size_t) {}
template <int kSums, int kA, int kB, bool kSigned>
HWY_INLINE void add_tile_dot() {}
#endif

/// What multiplies a panel: codes as bytes, with a scale and a bias a group and row.
struct AmxPanel {
  const std::uint32_t* words = nullptr;  ///< (groups · group_size / 4, panel_rows())
  const float* scales = nullptr;         ///< (groups, panel_rows())
  const float* biases = nullptr;         ///< as scales
  std::size_t groups = 0;
  std::size_t group_size = 0;  ///< a multiple of kAmxBytes
};

/// Two tiles of rows.
struct AmxRows {
  const std::byte* first = nullptr;
  const std::byte* second = nullptr;  ///< null: one is enough
  std::size_t stride = 0;             ///< bytes
};

/// sums (kBlockRows, kBlockWidth) = rows · words (size / 4, width), their first kBlockWidth
/// columns. Rows are signed, but for the first tile where it holds low halves. A part of a step of
/// kAmxBytes is multiplied as a whole.
template <bool kHalves>
HWY_INLINE void dot_block(const AmxRows& rows, const std::uint32_t* words, std::size_t width,
                          std::size_t size, std::int32_t* sums) {
  constexpr std::size_t kSumStride = kBlockWidth * sizeof(std::int32_t);
  const std::size_t word_stride = width * sizeof(std::uint32_t);
  clear_tile<0>();
  clear_tile<1>();
  clear_tile<2>();
  clear_tile<3>();
  for (std::size_t k = 0; k < size; k += kAmxBytes, words += kAmxRows * width) {
    load_tile<6>(words, word_stride);
    load_tile<7>(words + kAmxRows, word_stride);
    load_tile<4>(rows.first + k, rows.stride);
    add_tile_dot<0, 4, 6, !kHalves>();
    add_tile_dot<1, 4, 7, !kHalves>();
    if (rows.second == nullptr) continue;
    load_tile<5>(rows.second + k, rows.stride);
    add_tile_dot<2, 5, 6, true>();
    add_tile_dot<3, 5, 7, true>();
  }
  store_tile<0>(sums, kSumStride);
  store_tile<1>(sums + kAmxRows, kSumStride);
  if (rows.second == nullptr) return;
  store_tile<2>(sums + kAmxRows * kBlockWidth, kSumStride);
  store_tile<3>(sums + kAmxRows * kBlockWidth + kAmxRows, kSumStride);
}

/// What add_scaled does, for `rows` rows of dot_block's sums and kBlockWidth columns.
template <bool kHalves, bool kFirst>
HWY_INLINE void add_scaled_block(const std::int32_t* dot, std::size_t rows, const float* scales,
                                 const float* biases, const TileInput& x, std::size_t group,
                                 float* HWY_RESTRICT sums) {
  const FloatTag d;
  const SumTag di;
  for (std::size_t t = 0; t < rows; ++t, dot += kBlockWidth, sums += panel_rows()) {
    const auto x_scale = hn::Set(d, x.scales[t * x.groups + group]);
    const auto x_sum = hn::Set(d, x.sums[t * x.groups + group]);
    for (std::size_t v = 0; v < kBlockWidth; v += hn::Lanes(d)) {
      auto whole = hn::Load(di, dot + v);
      if constexpr (kHalves) {
        const auto high = hn::Load(di, dot + kAmxRows * kBlockWidth + v);
        whole = hn::Add(whole, hn::ShiftLeft<8>(high));
      }
      const auto before = kFirst ? hn::Zero(d) : hn::Load(d, sums + v);
      hn::Store(
          scaled(whole, hn::Load(d, scales + v), hn::Load(d, biases + v), x_scale, x_sum, before),
          d, sums + v);
    }
  }
}

/// sums[t][row] += the panel · rows [input, input + count) of x, columns of `slice`. kHalves: x is
/// of 16 bits.
template <bool kHalves>
void multiply_in_tiles(const AmxPanel& panel, const IntegerInput& x, std::size_t input,
                       std::size_t count, std::size_t slice, float* HWY_RESTRICT sums) {
  alignas(64) std::int32_t dot[kBlockSums];
  const std::size_t width = panel_rows();
  const TileInput rows = tile_input(x, input, slice);
  for (std::size_t column = 0; column < width; column += kBlockWidth) {
    for (std::size_t g = 0; g < panel.groups; ++g) {
      AmxRows tiles{rows.q + g * panel.group_size, nullptr, rows.stride};
      if constexpr (kHalves) {
        tiles.second = tiles.first + x.depth;
      } else if (count > kAmxRows) {
        tiles.second = tiles.first + kAmxRows * rows.stride;
      }
      const std::uint32_t* words = panel.words + g * panel.group_size / 4 * width + column;
      dot_block<kHalves>(tiles, words, width, panel.group_size, dot);
      const std::size_t at = g * width + column;
      const float *scales = panel.scales + at, *biases = panel.biases + at;
      if (slice == 0 && g == 0) {
        add_scaled_block<kHalves, true>(dot, count, scales, biases, rows, g, sums + column);
      } else {
        add_scaled_block<kHalves, false>(dot, count, scales, biases, rows, g, sums + column);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

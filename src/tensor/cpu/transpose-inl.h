// Transposition of words and floats. Included once a Highway target.
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(OKO_TENSOR_CPU_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_TRANSPOSE_INL_H_
#undef OKO_TENSOR_CPU_TRANSPOSE_INL_H_
#else
#define OKO_TENSOR_CPU_TRANSPOSE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Four words (or floats) of each of four rows, transposed; no alignment asked.
HWY_INLINE void transpose_words(const void* const from[4], void* const to[4]) {
  const hn::Full128<std::uint8_t> d8;
  const hn::Full128<std::uint32_t> d;
  const hn::Full128<std::uint64_t> d64;
  const auto row = [&](int r) HWY_ATTR {
    return hn::BitCast(d, hn::LoadU(d8, static_cast<const std::uint8_t*>(from[r])));
  };
  const auto store = [&](auto words, int r) HWY_ATTR {
    hn::StoreU(hn::BitCast(d8, words), d8, static_cast<std::uint8_t*>(to[r]));
  };
  const auto a = row(0), b = row(1), c = row(2), e = row(3);
  const auto ab_low = hn::BitCast(d64, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(d64, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(d64, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(d64, hn::InterleaveUpper(d, c, e));
  store(hn::InterleaveLower(d64, ab_low, ce_low), 0);
  store(hn::InterleaveUpper(d64, ab_low, ce_low), 1);
  store(hn::InterleaveLower(d64, ab_high, ce_high), 2);
  store(hn::InterleaveUpper(d64, ab_high, ce_high), 3);
}

/// `words` words, a multiple of 4, of each of `rows` rows, transposed: (words, width).
inline void transpose_rows(const std::uint8_t* from, std::size_t rows, std::size_t row_bytes,
                           std::size_t words, std::size_t width, std::uint32_t* to) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    for (std::size_t w = 0; w < words; w += 4) {
      const std::uint8_t* at = from + r * row_bytes + 4 * w;
      std::uint32_t* out = to + w * width + r;
      const void* const rows_of_words[] = {at, at + row_bytes, at + 2 * row_bytes,
                                           at + 3 * row_bytes};
      void* const words_of_rows[] = {out, out + width, out + 2 * width, out + 3 * width};
      transpose_words(rows_of_words, words_of_rows);
    }
  }
  for (; r < rows; ++r) {
    for (std::size_t w = 0; w < words; ++w) {
      std::memcpy(to + w * width + r, from + r * row_bytes + 4 * w, 4);
    }
  }
}

/// `rows` rows of `depth` floats each, row(r) being where row r goes, from columns of a matrix:
/// `from` is (depth, width).
template <typename Rows>
HWY_INLINE void store_columns(const float* from, std::size_t width, std::size_t rows,
                              std::size_t depth, Rows row) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    float* const out[] = {row(r), row(r + 1), row(r + 2), row(r + 3)};
    std::size_t k = 0;
    for (; k + 4 <= depth; k += 4) {
      const float* at = from + k * width + r;
      const void* const columns[] = {at, at + width, at + 2 * width, at + 3 * width};
      void* const to[] = {out[0] + k, out[1] + k, out[2] + k, out[3] + k};
      transpose_words(columns, to);
    }
    for (; k < depth; ++k) {
      for (std::size_t i = 0; i < 4; ++i) out[i][k] = from[k * width + r + i];
    }
  }
  for (; r < rows; ++r) {
    for (std::size_t k = 0; k < depth; ++k) row(r)[k] = from[k * width + r];
  }
}

using SquareTag = hn::ScalableTag<std::uint32_t>;
using SquareVector = hn::Vec<SquareTag>;
constexpr std::size_t kSquareBlocks = hn::MaxLanes(SquareTag()) / 4;  // of 128 bits, of a vector

/// The first half of a square of words, four rows of it: block b of part[j] has word 4b + j of each
/// row. load(r) is row r.
template <typename Load>
HWY_INLINE void interleave_four_rows(Load load, SquareVector (&part)[4]) {
  const SquareTag d;
  const hn::Repartition<std::uint64_t, SquareTag> d64;
  const auto a = load(0), b = load(1), c = load(2), e = load(3);
  const auto ab_low = hn::BitCast(d64, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(d64, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(d64, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(d64, hn::InterleaveUpper(d, c, e));
  part[0] = hn::BitCast(d, hn::InterleaveLower(d64, ab_low, ce_low));
  part[1] = hn::BitCast(d, hn::InterleaveUpper(d64, ab_low, ce_low));
  part[2] = hn::BitCast(d, hn::InterleaveLower(d64, ab_high, ce_high));
  part[3] = hn::BitCast(d, hn::InterleaveUpper(d64, ab_high, ce_high));
}

/// The second half: part(q) is part[j] of rows 4q .. 4q + 3. Word 4b + j of all rows goes to `to` +
/// (4b + j) · stride, aligned.
template <typename Part>
HWY_INLINE void store_words(Part part, std::size_t j, std::size_t stride,
                            std::uint32_t* HWY_RESTRICT to) {
  const SquareTag d;
  const auto store = [&](auto words, std::size_t block)
                         HWY_ATTR { hn::Store(words, d, to + (4 * block + j) * stride); };
  if constexpr (kSquareBlocks == 1) {
    store(part(0), 0);
  } else if constexpr (kSquareBlocks == 2) {
    const auto low = part(0), high = part(1);
    store(hn::ConcatLowerLower(d, high, low), 0);
    store(hn::ConcatUpperUpper(d, high, low), 1);
  } else {
    const auto a = part(0), b = part(1), c = part(2), e = part(3);
    const auto even_low = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(b), a);
    const auto odd_low = hn::OddEvenBlocks(b, hn::SwapAdjacentBlocks(a));
    const auto even_high = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(e), c);
    const auto odd_high = hn::OddEvenBlocks(e, hn::SwapAdjacentBlocks(c));
    store(hn::ConcatLowerLower(d, even_high, even_low), 0);
    store(hn::ConcatLowerLower(d, odd_high, odd_low), 1);
    store(hn::ConcatUpperUpper(d, even_high, even_low), 2);
    store(hn::ConcatUpperUpper(d, odd_high, odd_low), 3);
  }
}

/// A square of words, transposed: it has as many rows and columns as a vector has lanes. load(r) is
/// row r; row w of the result, word w of each row, goes to `to` + w · stride, aligned.
template <typename Load>
HWY_INLINE void transpose_square(Load load, std::size_t stride, std::uint32_t* HWY_RESTRICT to) {
  SquareVector parts[kSquareBlocks][4];
  HWY_UNROLL(4)
  for (std::size_t q = 0; q < kSquareBlocks; ++q) {
    interleave_four_rows([&](std::size_t r) HWY_ATTR { return load(4 * q + r); }, parts[q]);
  }
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < 4; ++j) {
    store_words([&](std::size_t q) HWY_ATTR { return parts[q][j]; }, j, stride, to);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

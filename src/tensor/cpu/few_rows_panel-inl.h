// Panels of weight rows for the product of a few rows: codes, scales and biases, transposed, so
// that each lane is a weight row. Included once a Highway target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/transpose-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_FEW_ROWS_PANEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_FEW_ROWS_PANEL_INL_H_
#undef OKO_TENSOR_CPU_FEW_ROWS_PANEL_INL_H_
#else
#define OKO_TENSOR_CPU_FEW_ROWS_PANEL_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

using PackedTag = hn::ScalableTag<std::uint32_t>;
using PackedVector = hn::Vec<PackedTag>;

/// Vectors of weight rows in a panel: with 8 rows of x their sums fill half of the registers.
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_NEON
constexpr std::size_t kFewVectors = 2;
#else
constexpr std::size_t kFewVectors = 1;
#endif
constexpr std::size_t kFewLanes = hn::MaxLanes(PackedTag());
constexpr std::size_t kFewWidth = kFewVectors * kFewLanes;  // weight rows of a panel
constexpr std::size_t kMaxGroupWords = 32;                  // of 128 codes of 8 bits
static_assert(kFewLanes <= kMaxGroupWords);

/// How far ahead of the codes the first cache asks for them, in bytes of each weight row.
constexpr std::size_t kNearRowBytes = 128;

/// What a thread keeps of a panel.
struct FewRowsPanel {
  AlignedVector<std::uint32_t> scales;  ///< as transpose_scales() leaves them
  AlignedVector<std::uint32_t> biases;
  /// Two steps of codes, (words, kFewWidth): one is multiplied while the next is transposed.
  alignas(64) std::uint32_t words[2][kMaxGroupWords * kFewWidth];
  alignas(64) std::uint32_t parts[4 * kSquareBlocks * kFewLanes];  ///< of half a square
  /// (lanes, rows of x, kFewWidth): group g is added to sum g mod lanes, as the kernel of one row
  /// does it, so that both round alike.
  alignas(64) float sums[kFewLanes * kMaxGemvRows * kFewWidth];
};

/// Weight rows [first, first + kFewWidth); what lies behind the last one is read as the last one.
struct FewRowsPlace {
  const WeightMatrix* weight = nullptr;
  std::size_t first = 0;

  std::size_t rows() const { return std::min(kFewWidth, weight->rows - first); }
  std::size_t row(std::size_t r) const { return first + std::min(r, rows() - 1); }
};

/// Scales or biases of a panel as they were packed, in words of 4 bytes, transposed: (words,
/// kFewWidth). A word has one group, or two of 16 bits.
inline HWY_NOINLINE void transpose_scales(const void* data, const FewRowsPlace& place,
                                          AlignedVector<std::uint32_t>& to) {
  const PackedTag d;
  const hn::Repartition<std::uint8_t, PackedTag> d8;
  const WeightMatrix& weight = *place.weight;
  const std::size_t size = weight.type == ElementType::kFloat32 ? 4 : 2;
  const std::size_t row_bytes = weight.columns / weight.group_size * size;
  const std::size_t words = (row_bytes + 3) / 4;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  const std::uint8_t* end = bytes + weight.rows * row_bytes;
  const std::uint8_t* rows[kFewWidth];
  for (std::size_t r = 0; r < kFewWidth; ++r) rows[r] = bytes + place.row(r) * row_bytes;
  to.resize((words + kFewLanes - 1) / kFewLanes * kFewLanes * kFewWidth);
  for (std::size_t w = 0; w < words; w += kFewLanes) {
    std::uint32_t* out = to.data() + w * kFewWidth;
    if (words - w == 4 && row_bytes % 4 == 0) {  // as of 40 groups
      for (std::size_t r = 0; r < kFewWidth; r += 4) {
        const void* const from[] = {rows[r] + 4 * w, rows[r + 1] + 4 * w, rows[r + 2] + 4 * w,
                                    rows[r + 3] + 4 * w};
        void* const four[] = {out + r, out + kFewWidth + r, out + 2 * kFewWidth + r,
                              out + 3 * kFewWidth + r};
        transpose_words(from, four);
      }
      break;
    }
    for (std::size_t v = 0; v < kFewVectors; ++v) {
      const auto load = [&](std::size_t r) HWY_ATTR {
        const std::uint8_t* from = rows[v * kFewLanes + r] + 4 * w;
        if (HWY_LIKELY(from + 4 * kFewLanes <= end)) return hn::BitCast(d, hn::LoadU(d8, from));
        alignas(64) std::uint8_t rest[4 * kFewLanes] = {};
        std::memcpy(rest, from, static_cast<std::size_t>(end - from));
        return hn::BitCast(d, hn::Load(d8, rest));
      };
      transpose_square(load, kFewWidth, out + v * kFewLanes);
    }
  }
}

/// Vector v of the scales or biases of `group` that transpose_scales() left in `words`.
HWY_INLINE FloatVector scales_of_group(const std::uint32_t* words, ElementType type,
                                       std::size_t group, std::size_t v) {
  const FloatTag d;
  const PackedTag d32;
  const bool is_wide = type == ElementType::kFloat32;
  const auto word =
      hn::Load(d32, words + (is_wide ? group : group / 2) * kFewWidth + v * kFewLanes);
  if (is_wide) return hn::BitCast(d, word);
  const auto high = group % 2 == 0 ? hn::ShiftLeft<16>(word) : word;
  if (type == ElementType::kBfloat16) {
    return hn::BitCast(d, hn::And(high, hn::Set(d32, 0xFFFF0000)));
  }
  const hn::Rebind<std::uint16_t, PackedTag> d16;
  const hn::Rebind<hwy::float16_t, FloatTag> half;
  const auto bits = hn::DemoteTo(d16, hn::BitCast(SumTag(), hn::ShiftRight<16>(high)));
  return hn::PromoteTo(d, hn::BitCast(half, bits));
}

/// `count` words of each row from byte `offset` of the row on, as they were packed.
inline HWY_NOINLINE void transpose_codes(const std::uint8_t* const* rows, std::size_t offset,
                                         std::size_t count, std::uint32_t* HWY_RESTRICT to) {
  const PackedTag d;
  const hn::Repartition<std::uint8_t, PackedTag> d8;
  std::size_t w = 0;
  for (; w + kFewLanes <= count; w += kFewLanes) {
    for (std::size_t v = 0; v < kFewVectors; ++v) {
      const auto load = [&](std::size_t r) HWY_ATTR {
        return hn::BitCast(d, hn::LoadU(d8, rows[v * kFewLanes + r] + offset + 4 * w));
      };
      transpose_square(load, kFewWidth, to + w * kFewWidth + v * kFewLanes);
    }
  }
  for (; w < count; ++w) {
    for (std::size_t r = 0; r < kFewWidth; ++r) {
      std::memcpy(to + w * kFewWidth + r, rows[r] + offset + 4 * w, 4);
    }
  }
}

/// The codes that are transposed while others are multiplied: a step of a panel.
struct StepAhead {
  /// In pieces: first the four quarters of a square that lie in its rows, then those of its words.
  static constexpr std::size_t kPieces = 2 * 4;
  static constexpr std::size_t kLineBytes = 64;
  static constexpr bool kFits = kSquareBlocks == 4 && kPieces * kFewVectors == kFewLanes;

  /// While word `word` of the step before is multiplied.
  HWY_INLINE void advance(std::size_t word) const {
    // A line at a time, between other work: many at once would wait for each other.
    const std::size_t line = word * kFewVectors;
    const std::uint8_t* of_row =
        near + line % kFewWidth * row_bytes + line / kFewWidth * kLineBytes;
    const std::uint8_t* in_order = far + line * kLineBytes;
    for (std::size_t v = 0; v < kFewVectors; ++v, of_row += row_bytes, in_order += kLineBytes) {
      __builtin_prefetch(in_order, /*rw=*/0, /*locality=*/1);
      hwy::Prefetch(of_row);
    }
    if constexpr (kFits) {
      if (to != nullptr) transpose_piece(word);
    }
  }

  HWY_INLINE void transpose_piece(std::size_t piece) const {
    const PackedTag d;
    const hn::Repartition<std::uint8_t, PackedTag> d8;
    const std::size_t square = piece / kPieces, quarter = piece % 4;
    const std::size_t v = square % kFewVectors, word = square / kFewVectors * kFewLanes;
    if (piece % kPieces < 4) {
      const std::uint8_t* const* from = rows + v * kFewLanes + 4 * quarter;
      PackedVector part[4];
      interleave_four_rows(
          [&](std::size_t r)
              HWY_ATTR { return hn::BitCast(d, hn::LoadU(d8, from[r] + offset + 4 * word)); },
          part);
      for (std::size_t j = 0; j < 4; ++j) {
        hn::Store(part[j], d, parts + (4 * quarter + j) * kFewLanes);
      }
    } else {
      store_words([&](std::size_t q)
                      HWY_ATTR { return hn::Load(d, parts + (4 * q + quarter) * kFewLanes); },
                  quarter, kFewWidth, to + word * kFewWidth + v * kFewLanes);
    }
  }

  const std::uint8_t* const* rows;
  std::size_t offset;        ///< of the step, in bytes of each row
  std::uint32_t* parts;      ///< of a square: (4, 4, kFewLanes)
  std::uint32_t* to;         ///< (words, kFewWidth); null: nothing is transposed
  const std::uint8_t* near;  ///< a row's line; the next one lies row_bytes behind it
  const std::uint8_t* far;   ///< lines of the next panel
  std::size_t row_bytes;
};

/// Reads the codes of panel after panel in steps of a fixed number of words of each row. A step is
/// transposed in pieces while the step before it is multiplied, since both need different units of
/// the processor.
class CodeReader {
 public:
  /// Of weight rows [first, last); words_per_step: a multiple of kFewLanes.
  CodeReader(const WeightMatrix& weight, std::size_t words_per_step, std::size_t first,
             std::size_t last, FewRowsPanel& panel)
      : place_{&weight, first},
        last_(last),
        row_words_(weight.columns * static_cast<std::size_t>(weight.bits) / 32),
        words_per_step_(words_per_step),
        is_ahead_(StepAhead::kFits && row_words_ % words_per_step == 0),
        panel_(panel) {
    find_rows();
    if (is_ahead_) transpose_codes(rows_, 0, words_per_step_, next_);
  }

  /// Words of each row that the next step has.
  std::size_t count() const { return std::min(words_per_step_, row_words_ - word_); }

  /// Their codes, (count, kFewWidth). The step after it is read from now on.
  const std::uint32_t* next() {
    if (!is_ahead_) transpose_codes(rows_, 4 * word_, count(), next_);
    std::swap(now_, next_);
    word_ += words_per_step_;
    if (word_ >= row_words_) {
      word_ = 0;
      // At the end, for nothing, once more what can be read.
      if (place_.first + kFewWidth < last_) place_.first += kFewWidth;
      find_rows();
    }
    return now_;
  }

  StepAhead ahead() {
    const std::size_t row_bytes = 4 * row_words_, panel_bytes = kFewWidth * row_bytes;
    // Behind a row's end its part of the next panel follows.
    const std::size_t near = 4 * word_ + kNearRowBytes;
    const bool has_next = place_.first + kFewWidth < last_;
    return {rows_,
            4 * word_,
            panel_.parts,
            is_ahead_ ? next_ : nullptr,
            rows_[0] + near + (near < row_bytes ? 0 : panel_bytes - row_bytes),
            rows_[0] + 4 * word_ * kFewWidth + (has_next ? panel_bytes : 0),
            row_bytes};
  }

 private:
  void find_rows() {
    const auto* base = static_cast<const std::uint8_t*>(place_.weight->data);
    for (std::size_t r = 0; r < kFewWidth; ++r) rows_[r] = base + place_.row(r) * 4 * row_words_;
  }

  FewRowsPlace place_;  ///< of the step that is read
  const std::size_t last_;
  const std::size_t row_words_;
  const std::size_t words_per_step_;
  /// Otherwise a step is transposed when it begins: its squares would reach beyond the rows' ends.
  const bool is_ahead_;
  FewRowsPanel& panel_;
  std::uint32_t* now_ = panel_.words[0];
  std::uint32_t* next_ = panel_.words[1];
  std::size_t word_ = 0;  ///< of the rows, the first of the step that is read
  const std::uint8_t* rows_[kFewWidth];
};

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

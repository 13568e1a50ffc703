// Keys and values of a text as bytes, for attention in integers. Included once a Highway
// target.
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tensor/cpu/aligned_vector.h"
#include "tensor/cpu/byte_attention.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/round_group-inl.h"
#include "tensor/cpu/transpose-inl.h"
#include "tensor/cpu/unpack-inl.h"

#ifndef OKO_TENSOR_CPU_BYTE_KEYS_ONCE
#define OKO_TENSOR_CPU_BYTE_KEYS_ONCE
namespace oko::tensor::cpu {

/// Keys that share the scales of their values: a multiple of the rows of a tile and of 4.
inline constexpr std::size_t kByteKeys = 192;
inline constexpr std::size_t kMaxByteHeadDim = 256;

/// The keys of one head of one text.
struct HeadKeys {
  std::size_t count = 0;
  std::uint8_t* keys = nullptr;         ///< (count, head_dim), signed
  float* key_scales = nullptr;          ///< (count)
  std::int32_t* key_offsets = nullptr;  ///< (count): -128 · (sum of a key), as q comes as q + 128
  std::uint32_t* values = nullptr;  ///< (count / 4 rounded up, head_dim): a word is 4 keys, signed
  float* value_scales = nullptr;    ///< (blocks, head_dim)
  bool in_tiles = false;            ///< for AMX: each block's values are transposed
};

/// The keys of all heads of all texts.
class ByteKeys {
 public:
  ByteKeys(std::span<const int> cu_seqlens, std::size_t heads, std::size_t head_dim, bool in_tiles)
      : head_dim_(head_dim), in_tiles_(in_tiles) {
    for (std::size_t i = 0; i + 1 < cu_seqlens.size(); ++i) {
      const auto count = static_cast<std::size_t>(cu_seqlens[i + 1] - cu_seqlens[i]);
      texts_.push_back({count, rows_, blocks_});
      rows_ += (count + 3) / 4 * 4;
      blocks_ += (count + kByteKeys - 1) / kByteKeys;
    }
    // A tile reaches past the last key, and past the last value of a column.
    keys_ = aligned_array<std::uint8_t>((heads * rows_ + kAmxRows) * head_dim);
    values_ = aligned_array<std::uint32_t>((heads * rows_ + kAmxRows) / 4 * head_dim);
    key_scales_ = std::make_unique_for_overwrite<float[]>(heads * rows_);
    key_offsets_ = std::make_unique_for_overwrite<std::int32_t[]>(heads * rows_);
    value_scales_ = std::make_unique_for_overwrite<float[]>(heads * blocks_ * head_dim);
  }

  HeadKeys of(std::size_t text, std::size_t head) {
    const Text& at = texts_[text];
    const std::size_t row = head * rows_ + at.row;
    return {at.count,
            keys_.get() + row * head_dim_,
            key_scales_.get() + row,
            key_offsets_.get() + row,
            values_.get() + row / 4 * head_dim_,
            value_scales_.get() + (head * blocks_ + at.block) * head_dim_,
            in_tiles_};
  }

 private:
  struct Text {
    std::size_t count, row, block;  // of one head: its rows, and where they begin
  };

  std::size_t head_dim_;
  bool in_tiles_;
  std::size_t rows_ = 0;  // of a head, each text's a multiple of 4
  std::size_t blocks_ = 0;
  std::vector<Text> texts_;
  AlignedArray<std::uint8_t> keys_;
  AlignedArray<std::uint32_t> values_;
  std::unique_ptr<float[]> key_scales_;
  std::unique_ptr<std::int32_t[]> key_offsets_;
  std::unique_ptr<float[]> value_scales_;
};

}  // namespace oko::tensor::cpu
#endif

#if defined(OKO_TENSOR_CPU_BYTE_KEYS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_BYTE_KEYS_INL_H_
#undef OKO_TENSOR_CPU_BYTE_KEYS_INL_H_
#else
#define OKO_TENSOR_CPU_BYTE_KEYS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// A head's rows lie apart: no processor guesses the next one.
constexpr std::size_t kKeysPrefetched = 8;

/// Rows of one head, `stride` floats apart.
struct HeadRows {
  const float* first;
  std::size_t stride, head_dim;

  const float* operator[](std::size_t row) const { return first + row * stride; }

  /// The same, and prefetches those that follow.
  const float* prefetched(std::size_t row) const {
    const float* ahead = (*this)[row + kKeysPrefetched];
    for (std::size_t k = 0; k < head_dim; k += 16) __builtin_prefetch(ahead + k);
    return (*this)[row];
  }
};

inline void mean_of_rows(const HeadRows& rows, std::size_t count, float* mean) {
  const FloatTag d;
  std::fill_n(mean, rows.head_dim, 0.0f);
  for (std::size_t r = 0; r < count; ++r) {
    const float* row = rows.prefetched(r);
    for (std::size_t k = 0; k < rows.head_dim; k += hn::Lanes(d)) {
      hn::Store(hn::Add(hn::Load(d, mean + k), hn::LoadU(d, row + k)), d, mean + k);
    }
  }
  const auto share = hn::Set(d, 1.0f / static_cast<float>(count));
  for (std::size_t k = 0; k < rows.head_dim; k += hn::Lanes(d)) {
    hn::Store(hn::Mul(hn::Load(d, mean + k), share), d, mean + k);
  }
}

/// The rows less `mean` as signed bytes.
inline void pack_keys(const HeadRows& rows, const float* mean, HeadKeys& to) {
  const FloatTag d;
  alignas(64) float row[kMaxByteHeadDim];
  for (std::size_t r = 0; r < to.count; ++r) {
    const float* from = rows.prefetched(r);
    for (std::size_t k = 0; k < rows.head_dim; k += hn::Lanes(d)) {
      hn::Store(hn::Sub(hn::LoadU(d, from + k), hn::Load(d, mean + k)), d, row + k);
    }
    const RoundedBytes rounded =
        round_bytes(row, rows.head_dim, kByteLimit, /*zero=*/0, to.keys + r * rows.head_dim);
    to.key_scales[r] = rounded.scale;
    to.key_offsets[r] = -128 * rounded.sum;
  }
}

/// scales[k] = what makes the largest |value| of column k among `count` rows from `first` on 127.
inline void scale_columns(const HeadRows& rows, std::size_t first, std::size_t count,
                          float* scales) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;  // of bits: see scale_of_group
  std::fill_n(scales, rows.head_dim, 0.0f);
  for (std::size_t r = first; r < first + count; ++r) {
    const float* row = rows.prefetched(r);
    for (std::size_t k = 0; k < rows.head_dim; k += hn::Lanes(d)) {
      const auto value = hn::BitCast(di, hn::Abs(hn::LoadU(d, row + k)));
      const auto largest = hn::Max(hn::BitCast(di, hn::LoadU(d, scales + k)), value);
      hn::StoreU(hn::BitCast(d, largest), d, scales + k);
    }
  }
  for (std::size_t k = 0; k < rows.head_dim; ++k) scales[k] /= kByteLimit;
}

/// Values [first, first + count) of a text, one block, and their scales. What is not a number among
/// the block's keys shows in the scales too: as a weight in bytes it would be lost. `words`: (count
/// / 4 rounded up, head_dim).
inline void pack_value_block(const HeadRows& rows, std::size_t first, std::size_t count,
                             std::uint32_t* words, HeadKeys& to) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  float* scales = to.value_scales + first / kByteKeys * rows.head_dim;
  scale_columns(rows, first, count, scales);
  float not_a_number = 0;
  for (std::size_t r = first; r < first + count; ++r) not_a_number += 0.0f * to.key_scales[r];
  for (std::size_t k = 0; k < rows.head_dim; k += hn::Lanes(d)) {
    const auto scale = hn::LoadU(d, scales + k);
    const auto inverse = hn::IfThenElseZero(hn::Gt(scale, hn::Set(d, kSmallestScale)),
                                            hn::Div(hn::Set(d, 1.0f), scale));
    for (std::size_t quad = 0; quad < count; quad += 4) {
      auto word = hn::Zero(du);
      for (std::size_t i = std::min<std::size_t>(4, count - quad); i-- > 0;) {
        const float* value = rows[first + quad + i] + k;
        const auto whole = hn::MulAdd(hn::LoadU(d, value), inverse, hn::Set(d, kRounding));
        word = hn::Or(hn::ShiftLeft<8>(word), hn::And(hn::BitCast(du, whole), hn::Set(du, 0xFF)));
      }
      hn::StoreU(word, du, words + quad / 4 * rows.head_dim + k);
    }
  }
  for (std::size_t k = 0; k < rows.head_dim; ++k) scales[k] += 0.0f * scales[k] + not_a_number;
}

/// All keys and values of a head of a text whose first token is `first`.
inline void pack_head(const ByteAttentionArguments& a, std::size_t first, std::size_t head,
                      HeadKeys to) {
  const std::size_t stride = a.heads * a.head_dim;
  const std::size_t start = first * stride + head * a.head_dim;
  const HeadRows keys{a.keys + start, stride, a.head_dim};
  const HeadRows values{a.values + start, stride, a.head_dim};
  alignas(64) float mean[kMaxByteHeadDim];
  mean_of_rows(keys, to.count, mean);
  pack_keys(keys, mean, to);
  for (std::size_t key = 0; key < to.count; key += kByteKeys) {
    const std::size_t count = std::min(kByteKeys, to.count - key);
    std::uint32_t* words = to.values + key / 4 * a.head_dim;
    if (!to.in_tiles) {
      pack_value_block(values, key, count, words, to);
      continue;
    }
    thread_local AlignedVector<std::uint32_t> rows;
    rows.resize(kByteKeys / 4 * a.head_dim);
    pack_value_block(values, key, count, rows.data(), to);
    const std::size_t quads = (count + 3) / 4;
    transpose_rows(reinterpret_cast<const std::uint8_t*>(rows.data()), quads,
                   a.head_dim * sizeof(rows[0]), a.head_dim, quads, words);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

// The product of a few rows of activations with a packed weight that is read once, as it lies.
// Included once a Highway target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensor/cpu/arm_bytes-inl.h"
#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/pair_dot-inl.h"
#include "tensor/cpu/unpack-inl.h"

#if defined(OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_
#undef OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_
#else
#define OKO_TENSOR_CPU_INTEGER_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// How far ahead of the codes memory is asked for: into the outer caches beyond the page, since
/// processors look ahead within 4 kB only, and from there into the first one.
constexpr std::size_t kFarBytes = 8192;
constexpr std::size_t kNearBytes = 1024;

using WordTag = hn::ScalableTag<std::uint16_t>;
using WordVector = hn::Vec<WordTag>;

/// Columns whose codes fill one vector. Within such a run, x lies as the codes come out of the
/// vector's 16-bit words: the first code of every word, then the second, ...
inline std::size_t columns_per_vector(int bits) {
  return hn::Lanes(WordTag()) * 16 / static_cast<std::size_t>(bits);
}

/// A vector of packed codes · the run of x that belongs to it, in sums over neighbouring words.
template <int kBits>
HWY_INLINE SumVector dot_packed(WordVector words, const std::int16_t* x) {
  const WordTag d;
  const ShortTag dx;
  const auto mask = hn::Set(d, (1 << kBits) - 1);
  SumVector sum = hn::Zero(SumTag());
  const auto add = [&](WordVector codes, std::size_t part) HWY_ATTR {
    sum = add_pair_dot(sum, hn::BitCast(dx, codes), hn::LoadU(dx, x + part * hn::Lanes(dx)));
  };
  add(hn::And(words, mask), 0);
  if constexpr (kBits == 4) {
    add(hn::And(hn::ShiftRight<4>(words), mask), 1);
    add(hn::And(hn::ShiftRight<8>(words), mask), 2);
    add(hn::ShiftRight<12>(words), 3);
  } else {
    add(hn::ShiftRight<8>(words), 1);
  }
  return sum;
}

/// Scales or biases from group `index` of the weight on: `count` of them, then zeros.
HWY_INLINE FloatVector load_groups(const void* data, const WeightMatrix& weight, std::size_t index,
                                   std::size_t count) {
  const FloatTag d;
  const std::size_t all = weight.rows * (weight.columns / weight.group_size);
  if (HWY_LIKELY(index + hn::Lanes(d) <= all)) {
    return hn::IfThenElseZero(hn::FirstN(d, count), load_elements(d, data, weight.type, index));
  }
  alignas(64) float values[64] = {};
  for (std::size_t j = 0; j < count; ++j) {
    values[j] = load_element(data, weight.type, index + j);
  }
  return hn::Load(d, values);
}

/// Where the scales of a block's vectors of codes are: lane l of vector v belongs to group
/// (v · lanes + l) / vectors of the block, which has as many groups as lanes.
struct GroupLanes {
  using Indices =
      decltype(hn::SetTableIndices(FloatTag(), static_cast<const std::int32_t*>(nullptr)));
  static constexpr std::size_t kMaxVectors = 32;  // of groups of 128 codes of 8 bits

  explicit GroupLanes(std::size_t block_vectors) {
    const FloatTag d;
    const std::size_t lanes = hn::Lanes(d);
    alignas(64) std::int32_t groups[64];
    for (std::size_t v = 0; v < block_vectors; ++v) {
      for (std::size_t l = 0; l < lanes; ++l) {
        groups[l] = static_cast<std::int32_t>((v * lanes + l) / block_vectors);
      }
      of_vector[v] = hn::SetTableIndices(d, groups);
    }
  }

  Indices of_vector[kMaxVectors];
};

/// Vectors of a row's codes, bytes [first, last) of it, that share the scales of a block.
struct RowBlock {
  const std::uint8_t* packed = nullptr;  ///< the row
  std::size_t first = 0, last = 0;       ///< whole vectors
  const GroupLanes* groups = nullptr;
};

/// x in 16-bit numbers, as `dot_packed_bytes` reads a run: low bytes of the columns of the first
/// code of every byte, then of the second, and the same of high bytes.
template <int kBits>
void spread_halves(const std::int16_t* x, std::size_t columns, std::byte* to) {
  constexpr std::size_t kParts = 8 / kBits, kRun = 16 * kParts;
  for (std::size_t column = 0; column < columns; ++column) {
    const std::size_t in_run = column % kRun;
    std::byte* at = to + 2 * (column - in_run) + in_run % kParts * 16 + in_run / kParts;
    at[0] = static_cast<std::byte>(x[column]);
    at[kRun] = static_cast<std::byte>(x[column] >> 8);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_NEON
/// `dot_packed` of 16 bytes of codes and x in halves: the same sums in the same lanes.
template <int kBits>
HWY_INLINE OKO_DOT SumVector dot_packed_bytes(SumVector codes, const std::int16_t* x) {
  SumVector sum = hn::Zero(SumTag());
  if constexpr (kBits == 4) {
    const SumVector first = hn::And(codes, bytes_of(0x0F));
    const SumVector second = hn::And(hn::ShiftRight<4>(codes), bytes_of(0x0F));
    sum = add_signed_dot(sum, first, load_bytes(x + 16));
    sum = hn::ShiftLeft<8>(add_signed_dot(sum, second, load_bytes(x + 24)));
    sum = add_unsigned_dot(sum, first, load_bytes(x));
    return add_unsigned_dot(sum, second, load_bytes(x + 8));
  } else {
    const SumVector high = load_bytes(x + 8);
    sum = hn::ShiftLeft<7>(add_signed_dot(sum, high, bytes_of(1)));  // for codes less 128
    sum = add_signed_dot(sum, hn::Xor(codes, bytes_of(0x80)), high);
    return add_unsigned_dot(hn::ShiftLeft<8>(sum), codes, load_bytes(x));
  }
}

/// total[i] += a block of codes · row i of q, `depth` numbers apart.
template <std::size_t kM, int kBits>
HWY_NOINLINE OKO_DOT void add_block_of_bytes(const RowBlock& block, const std::int16_t* q,
                                             std::size_t depth, const FloatVector (&scales)[kM],
                                             FloatVector (&total)[kM]) {
  const FloatTag d;
  FloatVector sums[kM];
  for (std::size_t i = 0; i < kM; ++i) sums[i] = total[i];
  for (std::size_t byte = block.first, v = 0; byte < block.last; byte += 16, ++v) {
    __builtin_prefetch(block.packed + byte + kFarBytes, /*rw=*/0, /*locality=*/1);
    __builtin_prefetch(block.packed + byte + kNearBytes);
    const SumVector codes = load_bytes(block.packed + byte);
    for (std::size_t i = 0; i < kM; ++i) {
      const SumVector dot = dot_packed_bytes<kBits>(codes, q + i * depth);
      sums[i] = hn::MulAdd(hn::ConvertTo(d, dot),
                           hn::TableLookupLanes(scales[i], block.groups->of_vector[v]), sums[i]);
    }
    q += 128 / kBits;
  }
  for (std::size_t i = 0; i < kM; ++i) total[i] = sums[i];
}
#else
template <std::size_t kM, int kBits>
void add_block_of_bytes(const RowBlock&, const std::int16_t*, std::size_t,
                        const FloatVector (&)[kM], FloatVector (&)[kM]) {}  // not called
#endif

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// Row `row` of the weight · rows [input, input + kM) of x, in sums over lanes. It goes by in
/// blocks of as many groups as a vector has lanes. With kHalves x is in the order of
/// `spread_halves`.
template <std::size_t kM, int kBits, bool kHalves>
HWY_INLINE void multiply_row(const IntegerInput& x, std::size_t input, const WeightMatrix& weight,
                             std::size_t row, const GroupLanes& groups, FloatVector (&total)[kM]) {
  const FloatTag d;
  const hn::Repartition<std::uint8_t, WordTag> du8;  // rows may start at an odd address
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t vector_bytes = hn::Lanes(du8);
  const std::size_t row_bytes = weight.columns * kBits / 8;
  const std::size_t block_bytes = weight.group_size * kBits / 32 * vector_bytes;
  const auto* packed = static_cast<const std::uint8_t*>(weight.data) + row * row_bytes;
  const auto* q = reinterpret_cast<const std::int16_t*>(x.row(0, input));
  for (std::size_t i = 0; i < kM; ++i) total[i] = hn::Zero(d);
  for (std::size_t group = 0, byte = 0; group < x.groups; group += lanes) {
    const std::size_t count = std::min(lanes, x.groups - group);
    const auto in_row = hn::FirstN(d, count);
    const std::size_t at = row * x.groups + group;
    const auto scale = load_groups(weight.scales, weight, at, count);
    const auto offset = load_groups(weight.biases, weight, at, count);
    FloatVector scales[kM];
    for (std::size_t i = 0; i < kM; ++i) {
      const auto of_input = [&](const std::vector<float>& values) HWY_ATTR {
        const float* from = values.data() + (input + i) * x.groups + group;
        return hn::IfThenElseZero(in_row, hn::LoadU(d, from));
      };
      scales[i] = hn::Mul(scale, of_input(x.scales));
      total[i] = hn::MulAdd(offset, of_input(x.sums), total[i]);
    }
    const auto add_vector = [&](const std::uint8_t* bytes, std::size_t v) HWY_ATTR {
      WordVector words = hn::BitCast(WordTag(), hn::LoadU(du8, bytes));
#if HWY_TARGET == HWY_AVX3_DL
      // Or gcc loads them again for each part, and most of such loads cross a cache line.
      asm("" : "+v"(words.raw));
#endif
      for (std::size_t i = 0; i < kM; ++i) {
        const SumVector dot = dot_packed<kBits>(words, q + i * x.depth);
        total[i] = hn::MulAdd(hn::ConvertTo(d, dot),
                              hn::TableLookupLanes(scales[i], groups.of_vector[v]), total[i]);
      }
      q += columns_per_vector(kBits);
    };
    const std::size_t end = std::min(byte + block_bytes, row_bytes);
    if constexpr (kHalves) {  // a vector has the bytes of 32 columns at most: no group ends in it
      add_block_of_bytes<kM, kBits>({packed, byte, end, &groups}, q, x.depth, scales, total);
      q += (end - byte) * 8 / kBits;
      byte = end;
      continue;
    }
    std::size_t v = 0;
    for (; byte + vector_bytes <= end; byte += vector_bytes, ++v) {
      __builtin_prefetch(packed + byte + kFarBytes, /*rw=*/0, /*locality=*/1);
      hwy::Prefetch(packed + byte + kNearBytes);
      add_vector(packed + byte, v);
    }
    if (byte < end) {
      alignas(64) std::uint8_t rest[64] = {};
      std::memcpy(rest, packed + byte, end - byte);
      add_vector(rest, v);
    }
  }
}

/// Rows [first, last) of the weight · rows [input, input + kM) of x.
template <std::size_t kM, int kBits, bool kHalves>
void stream_rows(const IntegerInput& x, std::size_t input, const WeightMatrix& weight,
                 const float* bias, std::size_t first, std::size_t last, float* y) {
  const GroupLanes groups(weight.group_size * kBits / 32);
  for (std::size_t row = first; row < last; ++row) {
    FloatVector total[kM];
    multiply_row<kM, kBits, kHalves>(x, input, weight, row, groups, total);
    for (std::size_t i = 0; i < kM; ++i) {
      y[(input + i) * weight.rows + row] =
          hn::GetLane(hn::SumOfLanes(FloatTag(), total[i])) + (bias != nullptr ? bias[row] : 0.0f);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

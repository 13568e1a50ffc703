// The product of one row of activations with a packed weight that is read as it lies, with the
// bits of `multiply_few_panel`: sums of whole groups are integers. Included once a Highway target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensor/cpu/integer_input.h"
#include "tensor/cpu/integer_rows-inl.h"
#include "tensor/cpu/matmul.h"

#if defined(OKO_TENSOR_CPU_ONE_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OKO_TENSOR_CPU_ONE_ROW_INL_H_
#undef OKO_TENSOR_CPU_ONE_ROW_INL_H_
#else
#define OKO_TENSOR_CPU_ONE_ROW_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::tensor::cpu {
namespace HWY_NAMESPACE {

/// The sums over groups of a block: as many groups as a vector has lanes, of kWords words each,
/// which fill kWords vectors. Sums of words become sums of groups by vectors that are added until
/// one is left; lane l of it is group group_of_lane(l).
template <std::size_t kWords>
struct GroupSums {
  static constexpr std::size_t kBlocks = hn::MaxLanes(SumTag()) / 4;  // of 128 bits, of a vector
  /// Vectors that belong to one group are added first.
  static constexpr std::size_t kVectorsPerGroup = std::max<std::size_t>(1, kWords / 4 / kBlocks);
  static constexpr std::size_t kVectors = kWords / kVectorsPerGroup;
  static constexpr std::size_t kQuads = kVectors / 4;
  static constexpr bool kInOrder = kQuads == kBlocks;

  static std::size_t group_of_lane(std::size_t lane) {
    const std::size_t block = lane / 4;
    const std::size_t vector = 4 * (block % kQuads) + lane % 4;
    return (vector * kBlocks + block - block % kQuads) / kQuads;
  }

  /// In each block of 128 bits, the sums of these blocks of a, b, c and e.
  static HWY_INLINE SumVector sum_blocks(SumVector a, SumVector b, SumVector c, SumVector e) {
    const SumTag d;
    const hn::Repartition<std::int64_t, SumTag> d64;
    const auto interleaved_sum = [&](SumVector x, SumVector y) HWY_ATTR {
      return hn::BitCast(d64, hn::Add(hn::InterleaveLower(d, x, y), hn::InterleaveUpper(d, x, y)));
    };
    const auto ab = interleaved_sum(a, b), ce = interleaved_sum(c, e);
    return hn::Add(hn::BitCast(d, hn::InterleaveLower(d64, ab, ce)),
                   hn::BitCast(d, hn::InterleaveUpper(d64, ab, ce)));
  }

  /// Neighbouring blocks added: those of x in the even blocks, those of y in the odd ones.
  static HWY_INLINE SumVector sum_block_pairs(SumVector x, SumVector y) {
    return hn::Add(hn::OddEvenBlocks(y, x), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(x, y)));
  }

  static HWY_INLINE SumVector add(const SumVector (&dot)[kWords]) {
    const SumTag d;
    SumVector sum[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[v] = dot[v * kVectorsPerGroup];
      for (std::size_t j = 1; j < kVectorsPerGroup; ++j) {
        sum[v] = hn::Add(sum[v], dot[v * kVectorsPerGroup + j]);
      }
    }
    SumVector quad[kQuads];
    for (std::size_t q = 0; q < kQuads; ++q) {
      quad[q] = sum_blocks(sum[4 * q], sum[4 * q + 1], sum[4 * q + 2], sum[4 * q + 3]);
    }
    if constexpr (kQuads == 1) {
      return quad[0];
    } else if constexpr (kQuads == 2) {
      return sum_block_pairs(quad[0], quad[1]);
    } else {
      static_assert(kQuads == 4);
      const SumVector low = sum_block_pairs(quad[0], quad[1]);
      const SumVector high = sum_block_pairs(quad[2], quad[3]);
      return hn::Add(hn::ConcatUpperLower(d, high, low), hn::ConcatLowerUpper(d, high, low));
    }
  }
};

/// The sum of all lanes, halves added until one is left.
template <typename D>
HWY_INLINE float sum_of_lanes(D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    return sum_of_lanes(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    alignas(16) float sums[4];
    hn::Store(v, d, sums);
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
  }
}

/// A row of a weight whose groups have kWords words each · the row of x, in sums over lanes. It
/// goes by in blocks of as many groups as a vector has lanes.
template <int kBits, std::size_t kWords>
class RowProduct {
 public:
  RowProduct(const IntegerInput& x, const WeightMatrix& weight) : x_(x), weight_(weight) {
    alignas(64) std::int32_t lanes[hn::MaxLanes(SumTag())];
    for (std::size_t lane = 0; lane < hn::Lanes(SumTag()); ++lane) {
      lanes[Sums::group_of_lane(lane)] = static_cast<std::int32_t>(lane);
    }
    lane_of_group_ = hn::SetTableIndices(SumTag(), lanes);
  }

  HWY_INLINE float multiply(std::size_t row) const {
    const std::size_t lanes = hn::Lanes(FloatTag());
    const std::size_t row_bytes = weight_.columns * kBits / 8;
    const auto* packed = static_cast<const std::uint8_t*>(weight_.data) + row * row_bytes;
    auto total = hn::Zero(FloatTag());
    std::size_t group = 0;
    for (; group + lanes <= x_.groups; group += lanes, packed += kBlockBytes) {
      total = add_block<kWords>(packed, packed, row, group, lanes, total);
    }
    const std::size_t count = x_.groups - group;
    if (2 * count == lanes)
      return sum_of_lanes(FloatTag(),
                          add_block<kWords / 2>(packed, packed, row, group, count, total));
    if (count > 0) {
      alignas(64) std::uint8_t rest[kBlockBytes] = {};
      std::memcpy(rest, packed, count * 4 * kWords);
      total = add_block<kWords>(rest, packed, row, group, count, total);
    }
    return sum_of_lanes(FloatTag(), total);
  }

 private:
  using Sums = GroupSums<kWords>;
  static constexpr std::size_t kVectorBytes = hn::MaxLanes(hn::ScalableTag<std::uint8_t>());
  static constexpr std::size_t kBlockBytes = kWords * kVectorBytes;

  /// total + `count` groups from `group` on, whose codes are in the first kVectors vectors of
  /// `bytes`; `place` is their address in the weight.
  template <std::size_t kVectors>
  HWY_INLINE FloatVector add_block(const std::uint8_t* bytes, const std::uint8_t* place,
                                   std::size_t row, std::size_t group, std::size_t count,
                                   FloatVector total) const {
    const FloatTag d;
    const hn::Repartition<std::uint8_t, WordTag> du8;  // rows may start at an odd address
    const auto in_row = hn::FirstN(d, count);
    const auto of_input = [&](const std::vector<float>& values) HWY_ATTR {
      return hn::IfThenElseZero(in_row, hn::LoadU(d, values.data() + group));
    };
    const std::size_t at = row * x_.groups + group;
    total = hn::MulAdd(load_groups(weight_.biases, weight_, at, count), of_input(x_.sums), total);
    const auto scale =
        hn::Mul(load_groups(weight_.scales, weight_, at, count), of_input(x_.scales));
    const auto* q =
        reinterpret_cast<const std::int16_t*>(x_.row(0, 0)) + group * weight_.group_size;
    SumVector dot[kWords];
    HWY_UNROLL(32)
    for (std::size_t v = 0; v < kWords; ++v) {
      if (v >= kVectors) {
        dot[v] = hn::Zero(SumTag());
        continue;
      }
      const std::size_t byte = v * kVectorBytes;
      __builtin_prefetch(place + byte + kFarBytes, /*rw=*/0, /*locality=*/1);
      hwy::Prefetch(place + byte + kNearBytes);
      WordVector words = hn::BitCast(WordTag(), hn::LoadU(du8, bytes + byte));
#if HWY_TARGET == HWY_AVX3_DL
      // Or gcc loads them again for each part, and most of such loads cross a cache line.
      asm("" : "+v"(words.raw));
#endif
      dot[v] = dot_packed<kBits>(words, q + v * columns_per_vector(kBits));
    }
    SumVector sums = Sums::add(dot);
    if constexpr (!Sums::kInOrder) sums = hn::TableLookupLanes(sums, lane_of_group_);
    return hn::MulAdd(hn::ConvertTo(d, sums), scale, total);
  }

  const IntegerInput& x_;
  const WeightMatrix& weight_;
  decltype(hn::SetTableIndices(SumTag(), static_cast<const std::int32_t*>(nullptr))) lane_of_group_;
};

/// Rows [first, last) of the weight · the row of x.
template <int kBits, std::size_t kWords>
HWY_NOINLINE void stream_one_row(const IntegerInput& x, const WeightMatrix& weight,
                                 const float* bias, std::size_t first, std::size_t last, float* y) {
  const RowProduct<kBits, kWords> product(x, weight);
  for (std::size_t row = first; row < last; ++row) {
    y[row] = product.multiply(row) + (bias != nullptr ? bias[row] : 0.0f);
  }
}

template <int kBits>
void stream_one_row(const IntegerInput& x, const WeightMatrix& weight, const float* bias,
                    std::size_t first, std::size_t last, float* y) {
  switch (weight.group_size) {
    case 32:
      return stream_one_row<kBits, kBits>(x, weight, bias, first, last, y);
    case 64:
      return stream_one_row<kBits, 2 * kBits>(x, weight, bias, first, last, y);
    default:
      return stream_one_row<kBits, 4 * kBits>(x, weight, bias, first, last, y);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::tensor::cpu
HWY_AFTER_NAMESPACE();

#endif

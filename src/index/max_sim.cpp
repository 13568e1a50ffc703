#include <algorithm>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/token_codes.h"
#include "index/token_codes_layout.h"
#include "index/vector_codes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/max_sim.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/arm_bytes-inl.h"
#include "tensor/cpu/pair_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace kernels = tensor::cpu::HWY_NAMESPACE;

/// Tokens of a chunk and of a query whose products are summed at a time.
constexpr std::size_t kChunkTile = 4;
constexpr std::size_t kQueryTile = kernels::kHasByteDot || kernels::kHasArmDot ? 4 : 2;

/// A row as levels plus kTokenZero, a byte each.
template <int kBits>
HWY_INLINE void unpack_row(const std::uint8_t* from, std::size_t row_bytes, std::uint8_t* to) {
  const hn::CappedTag<std::uint8_t, kTokenRun> d;
  const auto table = hn::LoadU(d, token_levels(kBits).data());
  const auto mask = hn::Set(d, (1 << kBits) - 1);
  for (std::size_t i = 0; i < row_bytes; i += kTokenRun) {
    auto codes = hn::LoadU(d, from + i);
    for (int part = 0; part < 8 / kBits; ++part, to += kTokenRun) {
      hn::StoreU(hn::TableLookupBytes(table, hn::And(codes, mask)), d, to);
      codes = hn::ShiftRight<kBits>(codes);
    }
  }
}

using tensor::cpu::ArmDot;

/// Rows of a tile, in the form that this target multiplies.
struct TileRows {
  alignas(64) std::uint8_t bytes[kChunkTile * kMaxDimensions];
  alignas(64) std::int16_t shorts[kChunkTile * kMaxDimensions];
  alignas(64) std::uint8_t pairs[kChunkTile * kMaxDimensions];  ///< `copy_to_pair`
  ArmDot arm_dot;                                               ///< what multiplies them
};

/// A row of `bits` to place `at` of the tile.
inline void unpack(const std::uint8_t* row, int bits, std::size_t dimensions, std::size_t at,
                   TileRows& tile) {
  std::uint8_t* bytes = tile.bytes + at * dimensions;
  if (bits == 2) {
    unpack_row<2>(row, dimensions / 4, bytes);
  } else if (bits == 4) {
    unpack_row<4>(row, dimensions / 2, bytes);
  } else {
    std::copy_n(row, dimensions, bytes);
  }
  if constexpr (kernels::kHasArmDot) {
    if (tile.arm_dot == ArmDot::kMatrix) copy_to_pair(bytes, dimensions, at, tile.pairs);
    if (tile.arm_dot != ArmDot::kNone) return;
  }
  if constexpr (!kernels::kHasByteDot) {
    const kernels::ShortTag ds;
    const hn::Rebind<std::uint8_t, kernels::ShortTag> du8;
    std::int16_t* shorts = tile.shorts + at * dimensions;
    for (std::size_t i = 0; i < dimensions; i += hn::Lanes(ds)) {
      hn::Store(hn::PromoteTo(ds, hn::LoadU(du8, bytes + i)), ds, shorts + i);
    }
  }
}

/// A tile of inner products, modulo 2^32, to dots[query token][chunk token].
HWY_INLINE void multiply_tile(const TokenQuery& query, std::size_t first, const TileRows& tile,
                              std::uint32_t (*dots)[kChunkTile]) {
  const kernels::SumTag di;
  const std::size_t dimensions = query.dimensions;
  kernels::SumVector sum[kQueryTile][kChunkTile];
  for (auto& row : sum) {
    for (auto& each : row) each = hn::Zero(di);
  }
  if constexpr (kernels::kHasByteDot) {
    const hn::Repartition<std::uint8_t, kernels::SumTag> du8;
    const hn::Repartition<std::int8_t, kernels::SumTag> di8;
    for (std::size_t i = 0; i < dimensions; i += hn::Lanes(du8)) {
      kernels::SumVector token[kChunkTile];
      for (std::size_t t = 0; t < kChunkTile; ++t) {
        token[t] = hn::BitCast(di, hn::Load(du8, tile.bytes + t * dimensions + i));
      }
      for (std::size_t q = 0; q < kQueryTile; ++q) {
        const auto* from = query.bytes.data() + (first + q) * dimensions + i;
        const auto factor = hn::BitCast(di, hn::Load(di8, from));
        for (std::size_t t = 0; t < kChunkTile; ++t) {
          sum[q][t] = kernels::add_byte_dot(sum[q][t], token[t], factor);
        }
      }
    }
  } else {
    const kernels::ShortTag ds;
    for (std::size_t i = 0; i < dimensions; i += hn::Lanes(ds)) {
      for (std::size_t q = 0; q < kQueryTile; ++q) {
        const auto factor = hn::Load(ds, query.shorts.data() + (first + q) * dimensions + i);
        for (std::size_t t = 0; t < kChunkTile; ++t) {
          const auto token = hn::Load(ds, tile.shorts + t * dimensions + i);
          sum[q][t] = kernels::add_pair_dot(sum[q][t], token, factor);
        }
      }
    }
  }
  for (std::size_t q = 0; q < kQueryTile; ++q) {
    for (std::size_t t = 0; t < kChunkTile; ++t) {
      dots[q][t] = static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(di, sum[q][t])));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_NEON
HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {

/// The same by Arm's products of bytes, of tokens less 128.
HWY_NOINLINE OKO_DOT void multiply_tile_by_dots(const TokenQuery& query, std::size_t first,
                                                const TileRows& tile,
                                                std::uint32_t (*dots)[kChunkTile]) {
  const kernels::SumTag di;
  const std::size_t dimensions = query.dimensions;
  kernels::SumVector sum[kQueryTile][kChunkTile];
  for (auto& row : sum) {
    for (auto& each : row) each = hn::Zero(di);
  }
  for (std::size_t i = 0; i < dimensions; i += 16) {
    kernels::SumVector token[kChunkTile];
    for (std::size_t t = 0; t < kChunkTile; ++t) {
      const auto bytes = kernels::load_bytes(tile.bytes + t * dimensions + i);
      token[t] = hn::Xor(bytes, kernels::bytes_of(0x80));
    }
    for (std::size_t q = 0; q < kQueryTile; ++q) {
      const auto factor = kernels::load_bytes(query.bytes.data() + (first + q) * dimensions + i);
      for (std::size_t t = 0; t < kChunkTile; ++t) {
        sum[q][t] = kernels::add_signed_dot(sum[q][t], token[t], factor);
      }
    }
  }
  for (std::size_t q = 0; q < kQueryTile; ++q) {
    for (std::size_t t = 0; t < kChunkTile; ++t) {
      const auto dot = hn::GetLane(hn::SumOfLanes(di, sum[q][t]));
      dots[q][t] = static_cast<std::uint32_t>(dot) + query.offsets[first + q];
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {

/// The same by products of two rows with two, in twice as many sums, which do not wait for each
/// other.
HWY_NOINLINE OKO_MATRIX void multiply_tile_by_matrices(const TokenQuery& query, std::size_t first,
                                                       const TileRows& tile,
                                                       std::uint32_t (*dots)[kChunkTile]) {
  const kernels::SumTag di;
  const std::size_t pair_bytes = 2 * query.dimensions;
  const std::int8_t* queries = query.pairs.data() + first / 2 * pair_bytes;
  kernels::SumVector sum[2][kQueryTile / 2][kChunkTile / 2];
  for (auto& half : sum) {
    for (auto& row : half) {
      for (auto& each : row) each = hn::Zero(di);
    }
  }
  for (std::size_t i = 0; i < pair_bytes; i += 32) {
    for (std::size_t half = 0; half < 2; ++half) {
      const std::size_t at = i + 16 * half;
      kernels::SumVector token[kChunkTile / 2];
      for (std::size_t t = 0; t < kChunkTile / 2; ++t) {
        token[t] = kernels::load_bytes(tile.pairs + t * pair_bytes + at);
      }
      for (std::size_t q = 0; q < kQueryTile / 2; ++q) {
        const auto factor = kernels::load_bytes(queries + q * pair_bytes + at);
        for (std::size_t t = 0; t < kChunkTile / 2; ++t) {
          sum[half][q][t] = kernels::add_matrix_dot<false>(sum[half][q][t], token[t], factor);
        }
      }
    }
  }
  for (std::size_t q = 0; q < kQueryTile / 2; ++q) {
    for (std::size_t t = 0; t < kChunkTile / 2; ++t) {
      alignas(16) std::int32_t four[4];  // of a token with both of the query, then of the other
      hn::Store(hn::Add(sum[0][q][t], sum[1][q][t]), di, four);
      for (std::size_t j = 0; j < 4; ++j) {
        dots[2 * q + j % 2][2 * t + j / 2] = static_cast<std::uint32_t>(four[j]);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();
#endif

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {

/// The same by what the processor has.
HWY_INLINE void multiply_tile_here(const TokenQuery& query, std::size_t first, const TileRows& tile,
                                   std::uint32_t (*dots)[kChunkTile]) {
#if HWY_TARGET == HWY_NEON
  if (tile.arm_dot == ArmDot::kMatrix) return multiply_tile_by_matrices(query, first, tile, dots);
  if (tile.arm_dot == ArmDot::kDot) return multiply_tile_by_dots(query, first, tile, dots);
#endif
  multiply_tile(query, first, tile, dots);
}

/// Raises best[query token] to the largest product with the tile's rows of `scales`, without the
/// query's scale.
void raise_best(const TokenQuery& query, const TileRows& tile, std::span<const float> scales,
                float* best) {
  for (std::size_t row = 0; row < query.tokens; row += kQueryTile) {
    std::uint32_t dots[kQueryTile][kChunkTile];
    multiply_tile_here(query, row, tile, dots);
    for (std::size_t q = 0; q < std::min(kQueryTile, query.tokens - row); ++q) {
      for (std::size_t t = 0; t < scales.size(); ++t) {
        const auto dot = static_cast<std::int32_t>(dots[q][t] - query.offsets[row + q]);
        best[row + q] = std::max(best[row + q], static_cast<float>(dot) * scales[t]);
      }
    }
  }
}

/// Products of the query's tokens, without their scales, with the chunk's mean and, the largest,
/// with what its tokens have besides.
void multiply_chunk(const TokenQuery& query, const TokenRows& chunk, float* mean, float* best) {
  thread_local TileRows tile;
  if constexpr (kernels::kHasArmDot) tile.arm_dot = tensor::cpu::arm_dot();
  unpack(chunk.mean, 8, query.dimensions, 0, tile);
  const float mean_scale = chunk.mean_scale();
  raise_best(query, tile, {&mean_scale, 1}, mean);
  float scales[kChunkTile];
  for (std::size_t first = 0; first < chunk.tokens; first += kChunkTile) {
    const std::size_t count = std::min(kChunkTile, chunk.tokens - first);
    for (std::size_t t = 0; t < count; ++t) {
      unpack(chunk.row(first + t), chunk.bits, query.dimensions, t, tile);
      scales[t] = chunk.scale(first + t);
    }
    raise_best(query, tile, {scales, count}, best);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::index {
namespace {

HWY_EXPORT(multiply_chunk);

}  // namespace

std::vector<float> max_sim(const TokenQuery& query,
                           std::span<const std::span<const std::uint8_t>> chunks,
                           tensor::cpu::ThreadPool& pool) {
  std::vector<TokenRows> rows;  // tasks must not throw
  rows.reserve(chunks.size());
  for (const auto chunk : chunks) {
    rows.emplace_back(chunk);
    if (rows.back().dimensions == query.dimensions) continue;
    throw Error(ErrorCode::kFailed,
                tr("stored token vectors have {} numbers, those of the query {}",
                   "в сохранённых векторах токенов {} чисел, в запросе {}", rows.back().dimensions,
                   query.dimensions));
  }
  std::vector<float> scores(chunks.size());
  const std::size_t tokens = query.tokens;
  std::vector<float> products(2 * tokens * chunks.size(), -std::numeric_limits<float>::infinity());
  pool.parallel_for(chunks.size(), [&](std::size_t chunk) {
    if (rows[chunk].tokens == 0 || tokens == 0) return;
    float* mean = products.data() + 2 * tokens * chunk;
    float* best = mean + tokens;
    HWY_DYNAMIC_DISPATCH(multiply_chunk)(query, rows[chunk], mean, best);
    double sum = 0.0;
    for (std::size_t token = 0; token < tokens; ++token) {
      sum += (static_cast<double>(mean[token]) + best[token]) * query.scales[token];
    }
    scores[chunk] = static_cast<float>(sum / static_cast<double>(tokens));
  });
  return scores;
}

}  // namespace oko::index
#endif

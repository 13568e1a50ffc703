#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/rotation.h"
#include "index/token_codes.h"
#include "index/token_codes_layout.h"
#include "index/vector_codes.h"
#include "tensor/cpu/aligned_vector.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/max_sim.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "tensor/cpu/pair_dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace oko::index {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace kernels = tensor::cpu::HWY_NAMESPACE;

/// Tokens of a chunk and of a query whose products are summed at a time.
constexpr std::size_t kChunkTile = 4;
constexpr std::size_t kQueryTile = kernels::kHasByteDot ? 4 : 2;

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

/// Token `token` of the chunk in the form that this target multiplies.
inline void unpack_token(const TokenRows& chunk, std::size_t token, std::uint8_t* bytes,
                         std::int16_t* shorts) {
  const std::uint8_t* row = chunk.row(token);
  if (chunk.bits == 2) {
    unpack_row<2>(row, chunk.row_bytes, bytes);
  } else if (chunk.bits == 4) {
    unpack_row<4>(row, chunk.row_bytes, bytes);
  } else {
    std::copy_n(row, chunk.row_bytes, bytes);
  }
  if constexpr (!kernels::kHasByteDot) {
    const kernels::ShortTag ds;
    const hn::Rebind<std::uint8_t, kernels::ShortTag> du8;
    for (std::size_t i = 0; i < chunk.dimensions; i += hn::Lanes(ds)) {
      hn::Store(hn::PromoteTo(ds, hn::LoadU(du8, bytes + i)), ds, shorts + i);
    }
  }
}

/// A tile of inner products, modulo 2^32, to dots[query token][chunk token].
HWY_INLINE void multiply_tile(const TokenQuery& query, std::size_t first, const std::uint8_t* bytes,
                              const std::int16_t* shorts, std::uint32_t (*dots)[kChunkTile]) {
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
        token[t] = hn::BitCast(di, hn::Load(du8, bytes + t * dimensions + i));
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
          const auto token = hn::Load(ds, shorts + t * dimensions + i);
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

/// Raises best[query token] to the largest product with a token of the chunk, without the query's
/// scale.
void raise_best(const TokenQuery& query, const TokenRows& chunk, float* best) {
  alignas(64) thread_local std::uint8_t bytes[kChunkTile * kMaxDimensions];
  alignas(64) thread_local std::int16_t shorts[kChunkTile * kMaxDimensions];
  const std::size_t dimensions = query.dimensions;
  for (std::size_t first = 0; first < chunk.tokens; first += kChunkTile) {
    const std::size_t count = std::min(kChunkTile, chunk.tokens - first);
    float scales[kChunkTile];
    for (std::size_t t = 0; t < count; ++t) {
      unpack_token(chunk, first + t, bytes + t * dimensions, shorts + t * dimensions);
      scales[t] = chunk.scale(first + t);
    }
    for (std::size_t row = 0; row < query.tokens; row += kQueryTile) {
      std::uint32_t dots[kQueryTile][kChunkTile];
      multiply_tile(query, row, bytes, shorts, dots);
      for (std::size_t q = 0; q < std::min(kQueryTile, query.tokens - row); ++q) {
        for (std::size_t t = 0; t < count; ++t) {
          const auto dot = static_cast<std::int32_t>(dots[q][t] - query.offsets[row + q]);
          best[row + q] = std::max(best[row + q], static_cast<float>(dot) * scales[t]);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace oko::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace oko::index {
namespace {

HWY_EXPORT(raise_best);

constexpr std::size_t kLargestTile = 4;  ///< of query tokens, of any target

}  // namespace

TokenQuery::TokenQuery(std::span<const float> vectors, std::size_t width)
    : dimensions(width), tokens(0) {
  // The same rounding as of chunks.
  const std::vector<std::uint8_t> codes = encode_tokens(vectors, width, 8);
  const TokenRows rows(codes);
  tokens = rows.tokens;
  const std::size_t padded = (tokens + kLargestTile - 1) / kLargestTile * kLargestTile;
  bytes.resize(padded * width);
  shorts.resize(padded * width);
  offsets.resize(padded);
  for (std::size_t token = 0; token < tokens; ++token) {
    scales.push_back(rows.scale(token));
    for (std::size_t i = 0; i < width; ++i) {
      const int level = rows.row(token)[i] - kTokenZero;
      bytes[token * width + i] = static_cast<std::int8_t>(level);
      shorts[token * width + i] = static_cast<std::int16_t>(level);
      offsets[token] += static_cast<std::uint32_t>(kTokenZero * level);
    }
  }
}

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
  const std::vector<float> lowest(query.tokens, -std::numeric_limits<float>::infinity());
  std::vector<std::vector<float>> best(chunks.size(), lowest);
  pool.parallel_for(chunks.size(), [&](std::size_t chunk) {
    if (rows[chunk].tokens == 0 || query.tokens == 0) return;
    HWY_DYNAMIC_DISPATCH(raise_best)(query, rows[chunk], best[chunk].data());
    double sum = 0.0;
    for (std::size_t token = 0; token < query.tokens; ++token) {
      sum += static_cast<double>(best[chunk][token]) * query.scales[token];
    }
    scores[chunk] = static_cast<float>(sum / static_cast<double>(query.tokens));
  });
  return scores;
}

}  // namespace oko::index
#endif

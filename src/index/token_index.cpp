#include "index/token_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>

#include "index/vector_codes.h"

namespace oko::index {

using models::bge_m3::TokenVectors;

TokenIndex::TokenIndex(SqliteDatabase& database)
    : insert_(database, "INSERT INTO token_vectors(chunk, codes) VALUES(?1, ?2)"),
      select_(database, "SELECT codes FROM token_vectors WHERE chunk = ?1") {}

void TokenIndex::add(ChunkId chunk, const TokenVectors& vectors) {
  if (vectors.count() == 0) return;
  std::string bytes;
  std::vector<std::uint8_t> codes(vectors.dimensions);
  for (std::size_t i = 0; i < vectors.count(); ++i) {
    const float scale = encode_vector({vectors.row(i), vectors.dimensions}, codes);
    char scale_bytes[sizeof(scale)];
    std::memcpy(scale_bytes, &scale, sizeof(scale));
    bytes.append(scale_bytes, sizeof(scale));
    bytes.append(codes.begin(), codes.end());
  }
  insert_.bind(1, chunk).bind_blob(2, bytes).run();
}

std::vector<float> TokenIndex::scores(const TokenVectors& query, std::span<const ChunkId> chunks) {
  std::vector<float> scores;
  const std::size_t dimensions = query.dimensions, row_bytes = sizeof(float) + dimensions;
  std::vector<float> token(dimensions);
  std::vector<float> best(query.count());
  for (const ChunkId chunk : chunks) {
    select_.bind(1, chunk);
    const std::string_view bytes = select_.step() ? select_.blob(0) : std::string_view{};
    std::fill(best.begin(), best.end(), -std::numeric_limits<float>::infinity());
    for (std::size_t at = 0; bytes.size() - at >= row_bytes; at += row_bytes) {
      float scale = 0;
      std::memcpy(&scale, bytes.data() + at, sizeof(scale));
      const auto* codes = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at + sizeof(scale);
      decode_vector({codes, dimensions}, scale, token);
      for (std::size_t i = 0; i < best.size(); ++i) {
        best[i] =
            std::max(best[i], std::inner_product(token.begin(), token.end(), query.row(i), 0.0f));
      }
    }
    const bool has_tokens = bytes.size() >= row_bytes && !best.empty();
    scores.push_back(has_tokens ? std::accumulate(best.begin(), best.end(), 0.0f) /
                                      static_cast<float>(best.size())
                                : 0.0f);
    select_.reset();
  }
  return scores;
}

}  // namespace oko::index

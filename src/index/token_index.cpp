#include "index/token_index.h"

#include <cstdint>
#include <string_view>

#include "index/token_codes.h"

namespace oko::index {
namespace {

/// Of a coordinate: a token of 1024 takes 516 bytes.
constexpr int kBits = 4;

std::span<const std::uint8_t> codes_of(std::string_view bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

using models::bge_m3::TokenVectors;

TokenIndex::TokenIndex(SqliteDatabase& database)
    : insert_(database, "INSERT INTO token_vectors(chunk, codes) VALUES(?1, ?2)"),
      select_(database, "SELECT codes FROM token_vectors WHERE chunk = ?1") {}

void TokenIndex::add(ChunkId chunk, const TokenVectors& vectors) {
  if (vectors.count() == 0) return;
  const std::vector<std::uint8_t> codes = encode_tokens(vectors.values, vectors.dimensions, kBits);
  insert_.bind(1, chunk)
      .bind_borrowed(2, {reinterpret_cast<const char*>(codes.data()), codes.size()})
      .run();
}

std::vector<float> TokenIndex::scores(const TokenVectors& query, std::span<const ChunkId> chunks) {
  const TokenQuery tokens(query.values, query.dimensions);
  std::vector<float> scores;
  for (const ChunkId chunk : chunks) {
    select_.bind(1, chunk);
    const std::span<const std::uint8_t> codes =
        codes_of(select_.step() ? select_.blob(0) : std::string_view{});
    scores.push_back(codes.empty() ? 0.0f : max_sim(tokens, std::span(&codes, 1)).front());
    select_.reset();
  }
  return scores;
}

}  // namespace oko::index

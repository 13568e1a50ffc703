#include "index/token_index.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "index/row_checksum.h"
#include "index/token_codes.h"

namespace oko::index {
namespace {

std::span<const std::uint8_t> codes_of(std::string_view bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

using models::bge_m3::TokenVectors;

TokenIndex::TokenIndex(SqliteDatabase& database, const LibraryHeader& header)
    : database_(database),
      has_checksums_(header.has_checksums()),
      select_(database, fmt::format("SELECT codes, {} FROM token_vectors WHERE chunk = ?1",
                                    has_checksums_ ? "checksum" : "0")) {}

void TokenIndex::add(ChunkId chunk, const TokenVectors& vectors) {
  if (vectors.count() == 0) return;
  codes_ = encode_tokens(vectors.values, vectors.dimensions, kLibraryTokenBits,
                         tensor::cpu::thread_pool(), std::move(codes_));
  if (!insert_) {
    insert_.emplace(database_,
                    "INSERT INTO token_vectors(chunk, codes, checksum)"
                    " VALUES(?1, ?2, oko_checksum(?1, ?2))");
  }
  insert_->bind(1, chunk)
      .bind_borrowed(2, {reinterpret_cast<const char*>(codes_.data()), codes_.size()})
      .run();
}

std::vector<float> TokenIndex::scores(const TokenVectors& query, std::span<const ChunkId> chunks) {
  const TokenQuery tokens(query.values, query.dimensions);
  std::vector<float> scores;
  for (const ChunkId chunk : chunks) {
    const SqliteReset reset(select_);
    std::string_view bytes;
    if (select_.bind(1, chunk).step()) {
      bytes = select_.blob(0);
      if (has_checksums_) {
        require_whole(database_, select_.integer(1) == RowChecksum().add(chunk).add(bytes).value());
      }
    }
    const std::span<const std::uint8_t> codes = codes_of(bytes);
    scores.push_back(codes.empty() ? 0.0f : max_sim(tokens, std::span(&codes, 1)).front());
  }
  return scores;
}

}  // namespace oko::index

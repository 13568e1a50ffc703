#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "index/library.h"

/// Lists of the chunks that have a token, with its weight in each: the inverted index of sparse
/// vectors.
namespace oko::index {

struct Posting {
  ChunkId chunk = 0;
  float weight = 0;  ///< > 0; stored in bfloat16
};

/// A list by rising chunk as bytes: the difference to the chunk before as a LEB128 number, then the
/// weight in bfloat16, little-endian.
std::string encode_postings(std::span<const Posting> postings);

/// Takes one posting after another off a list. Made for hot loops.
class PostingReader {
 public:
  explicit PostingReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  /// False at the end, and where the bytes are no list: `is_damaged`.
  bool next(Posting& posting) {
    if (at_ == end_) return false;
    std::uint64_t delta = 0;
    for (int shift = 0;; shift += 7) {
      if (at_ == end_ || shift > 56) return damaged();
      const auto byte = static_cast<unsigned char>(*at_++);
      delta |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const auto most = static_cast<std::uint64_t>(std::numeric_limits<ChunkId>::max() - chunk_);
    if (delta == 0 || delta > most || end_ - at_ < 2) return damaged();
    chunk_ += static_cast<ChunkId>(delta);
    posting = {chunk_, weight_at(at_)};
    at_ += 2;
    return true;
  }

  bool is_damaged() const { return is_damaged_; }

 private:
  static float weight_at(const char* bytes) {
    const auto byte = [&](int i) { return std::uint32_t{static_cast<unsigned char>(bytes[i])}; };
    return std::bit_cast<float>(byte(0) << 16 | byte(1) << 24);
  }
  bool damaged() {
    is_damaged_ = true;
    return false;
  }

  const char* at_;
  const char* end_;
  ChunkId chunk_ = 0;
  bool is_damaged_ = false;
};

/// Scores of chunks, zero at first. Memory grows with the ranges of ids that have a score.
class ScoreTable {
 public:
  void add(ChunkId chunk, float score) {
    const auto page = static_cast<std::uint64_t>(chunk) / kPageChunks;
    if (page != current_ || scores_ == nullptr) select(page);
    scores_[static_cast<std::uint64_t>(chunk) % kPageChunks] += score;
  }

  /// The `count` best that `is_wanted`, best first, ties by the smaller id. Scores of 0 are none.
  std::vector<ScoredChunk> best(std::size_t count,
                                const std::function<bool(ChunkId)>& is_wanted) const;

 private:
  static constexpr std::uint64_t kPageChunks = 4096;

  void select(std::uint64_t page);

  std::vector<std::pair<std::uint64_t, std::vector<float>>> pages_;  ///< by rising number
  std::uint64_t current_ = 0;
  float* scores_ = nullptr;  ///< of the current page
};

}  // namespace oko::index

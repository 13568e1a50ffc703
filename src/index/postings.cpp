#include "index/postings.h"

#include <algorithm>

#include "index/best_chunks.h"

namespace oko::index {

std::string encode_postings(std::span<const Posting> postings) {
  std::string bytes;
  bytes.reserve(postings.size() * 4);
  ChunkId before = 0;
  for (const Posting& posting : postings) {
    auto delta = static_cast<std::uint64_t>(posting.chunk - before);
    before = posting.chunk;
    for (; delta >= 0x80; delta >>= 7) bytes.push_back(static_cast<char>(delta | 0x80));
    bytes.push_back(static_cast<char>(delta));
    // Rounded to the nearest: half of the part that is cut off, and a bit that makes ties even.
    const auto bits = std::bit_cast<std::uint32_t>(posting.weight);
    const std::uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    bytes.push_back(static_cast<char>(rounded >> 16));
    bytes.push_back(static_cast<char>(rounded >> 24));
  }
  return bytes;
}

void ScoreTable::select(std::uint64_t page) {
  const auto place =
      std::lower_bound(pages_.begin(), pages_.end(), page,
                       [](const auto& each, std::uint64_t number) { return each.first < number; });
  const bool is_there = place != pages_.end() && place->first == page;
  auto& scores =
      (is_there ? place : pages_.insert(place, {page, std::vector<float>(kPageChunks)}))->second;
  scores_ = scores.data();
  current_ = page;
}

std::vector<ScoredChunk> ScoreTable::best(std::size_t count,
                                          const std::function<bool(ChunkId)>& is_wanted) const {
  BestChunks best(count);
  for (const auto& [page, scores] : pages_) {
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const ScoredChunk scored{static_cast<ChunkId>(page * kPageChunks + i), scores[i]};
      if (scored.score > 0 && best.takes(scored) && is_wanted(scored.chunk)) best.add(scored);
    }
  }
  return std::move(best).sorted();
}

}  // namespace oko::index

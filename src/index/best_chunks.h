#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "index/library.h"

namespace oko::index {

/// The order of results: the larger score first, ties by the smaller id.
struct ChunkOrder {
  bool operator()(const ScoredChunk& a, const ScoredChunk& b) const {
    return a.score != b.score ? a.score > b.score : a.chunk < b.chunk;
  }
};

/// Keeps the `count` best of the chunks that it is given.
class BestChunks {
 public:
  explicit BestChunks(std::size_t count) : count_(count) {}

  /// False for a chunk that cannot be among the best.
  bool takes(const ScoredChunk& scored) const {
    return heap_.size() < count_ || (count_ > 0 && ChunkOrder{}(scored, heap_.front()));
  }

  /// What a chunk needs to be among the best; 0 while any is.
  float threshold() const { return count_ > 0 && heap_.size() == count_ ? heap_.front().score : 0; }

  void add(const ScoredChunk& scored) {
    if (!takes(scored)) return;
    if (heap_.size() == count_) {
      std::pop_heap(heap_.begin(), heap_.end(), ChunkOrder{});
      heap_.pop_back();
    }
    heap_.push_back(scored);
    std::push_heap(heap_.begin(), heap_.end(), ChunkOrder{});
  }

  std::vector<ScoredChunk> sorted() && {
    std::sort_heap(heap_.begin(), heap_.end(), ChunkOrder{});
    return std::move(heap_);
  }

 private:
  std::size_t count_;
  std::vector<ScoredChunk> heap_;  ///< its front is the worst
};

}  // namespace oko::index

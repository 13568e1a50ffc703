#include "models/qwen3_vl/sequence_state.h"

#include <cassert>
#include <utility>

namespace oko::models::qwen3_vl {

void SequenceState::truncate(std::size_t length) {
  assert(length <= length_);
  for (tensor::KvCache& cache : layers_) cache.truncate(static_cast<int>(length));
  length_ = length;
}

SequenceState SequenceState::clone_prefix(std::size_t length, std::size_t extra_capacity) const {
  assert(length <= length_);
  std::vector<tensor::KvCache> layers;
  layers.reserve(layers_.size());
  for (const tensor::KvCache& cache : layers_) {
    layers.push_back(
        cache.clone_prefix(static_cast<int>(length), static_cast<int>(extra_capacity)));
  }
  SequenceState clone(std::move(layers));
  clone.length_ = length;
  clone.rope_delta_ = rope_delta_;
  return clone;
}

std::size_t SequenceState::bytes() const {
  std::size_t total = 0;
  for (const tensor::KvCache& cache : layers_) total += cache.bytes_per_token() * length_;
  return total;
}

std::size_t SequenceState::allocated_bytes() const {
  std::size_t total = 0;
  for (const tensor::KvCache& cache : layers_) {
    total += cache.bytes_per_token() * static_cast<std::size_t>(cache.capacity());
  }
  return total;
}

}  // namespace oko::models::qwen3_vl

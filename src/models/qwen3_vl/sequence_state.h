#pragma once

#include <cstdint>
#include <vector>

#include "tensor/kv_cache.h"

namespace oko::models::qwen3_vl {

/// The state of one sequence between passes: the keys and values of every layer. Copied by
/// `clone_prefix` only.
class SequenceState {
 public:
  /// One cache a layer.
  explicit SequenceState(std::vector<tensor::KvCache> layers) : layers_(std::move(layers)) {}

  std::size_t length() const { return length_; }  ///< tokens read
  /// Position of token i after the prompt, minus i; see RopeIndex.
  std::int32_t rope_delta() const { return rope_delta_; }
  void set_rope_delta(std::int32_t delta) { rope_delta_ = delta; }

  // For the pass that reads tokens: a cache layer by layer, and the new length at its end.
  tensor::KvCache& layer(std::size_t index) { return layers_[index]; }
  void advance(std::size_t tokens) { length_ += tokens; }

  /// Forgets all but the first `length` tokens, at most those read.
  void truncate(std::size_t length);

  /// A copy of the first `length` tokens, at most those read, with room for `extra_capacity` more.
  SequenceState clone_prefix(std::size_t length, std::size_t extra_capacity) const;

  std::size_t bytes() const;            ///< of the keys and values of the tokens read
  std::size_t allocated_bytes() const;  ///< of the keys and values of the capacity

 private:
  std::vector<tensor::KvCache> layers_;
  std::size_t length_ = 0;
  std::int32_t rope_delta_ = 0;
};

}  // namespace oko::models::qwen3_vl

#pragma once

#include <mlx/array.h>

#include <array>
#include <cstdint>
#include <vector>

#include "models/qwen3_vl/sequence_state.h"

namespace oko::models::qwen3_vl {

namespace mx = mlx::core;

/// Picture features that replace a run of a batch's tokens.
struct VisualSpan {
  int first = 0;                     ///< row of the batch
  mx::array merged;                  ///< (count, hidden_size), replaces the embeddings
  std::vector<mx::array> deepstack;  ///< (count, hidden_size) each, added after layer 0, 1, ...
};

/// Tokens of one or more sequences that go through the layers at once.
struct Batch {
  mx::array ids;                                       ///< (n), one sequence after another
  std::vector<std::array<std::int32_t, 3>> positions;  ///< n: time, height, width
  std::vector<int> cu_seqlens;                         ///< 0, ..., n: bounds of the sequences
  /// The sequences to which the tokens are appended, each once.
  std::vector<SequenceState*> sequences;
  std::vector<VisualSpan> visuals = {};
};

}  // namespace oko::models::qwen3_vl

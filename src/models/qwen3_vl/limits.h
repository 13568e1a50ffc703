#pragma once

#include <cstddef>

namespace oko::models::qwen3_vl {

// What bounds activations, whatever the input's length. The footprint counts with them.

inline constexpr std::size_t kPrefillChunk = 512;  ///< tokens of a prompt that go through at once
/// So many tokens are one graph; more are evaluated layer by layer. Lookup guesses fewer.
inline constexpr int kFewTokens = 8;
inline constexpr int kVisionRows = 2048;  ///< patches at a time where a layer is much wider than
                                          ///< the hidden states
}  // namespace oko::models::qwen3_vl

#pragma once

#include <cstddef>

namespace oko::models::qwen3_vl {

// Limits that bound activations for inputs of any length. The estimates use them.

inline constexpr std::size_t kPrefillChunk = 512;  ///< tokens of a prompt that go through at once
/// So many tokens are one graph; more are evaluated layer by layer. Lookup guesses fewer.
inline constexpr int kFewTokens = 8;
inline constexpr int kVisionRows = 2048;  ///< patches at a time where a layer is much wider than
                                          ///< the hidden states
}  // namespace oko::models::qwen3_vl

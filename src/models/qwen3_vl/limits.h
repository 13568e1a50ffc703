#pragma once

#include <cstddef>

namespace oko::models::qwen3_vl {

// Limits that bound activations for inputs of any length. The estimates use them.

inline constexpr std::size_t kPrefillChunk = 512;  ///< tokens of a prompt in one pass
/// Up to this many tokens run as one graph; more are evaluated layer by layer. Lookup guesses
/// fewer.
inline constexpr int kFewTokens = 8;
/// Patches at a time in a layer much wider than the hidden states.
inline constexpr int kVisionRows = 2048;
}  // namespace oko::models::qwen3_vl

#pragma once

namespace oko::models::bge_m3 {

/// Tokens at a time in the feed-forward network: bounds its activation for texts of any length.
inline constexpr int kFeedForwardRows = 2048;

}  // namespace oko::models::bge_m3

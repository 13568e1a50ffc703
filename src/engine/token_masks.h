#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace oko::engine {

inline constexpr float kExcludedLogit = -std::numeric_limits<float>::infinity();

void exclude(std::span<const std::int32_t> ids, std::span<float> logits);

/// Keeps the logits of `ids` as they are, and excludes all others.
void keep_only(std::span<const std::int32_t> ids, std::span<float> logits);

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <span>

namespace oko::models {

/// Throws kBadModel if one of `ids` is outside a vocabulary of `vocab_size`.
void require_vocabulary(std::span<const std::int32_t> ids, int vocab_size);

}  // namespace oko::models

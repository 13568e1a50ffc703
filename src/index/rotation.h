#pragma once

#include <span>

namespace oko::index {

/// A fixed rotation that spreads what a few large coordinates hold over all of a block, so that
/// codes of few bits lose about the same for any vector: pseudorandom signs, then a Walsh-Hadamard
/// transform of each block (Ailon & Chazelle 2009, "The fast Johnson-Lindenstrauss transform").
/// A block is the largest power of two that divides the size: 1024 is one block, 384 has 3 of 128.
/// Lengths and inner products stay. Stored codes depend on it: it never changes.
/// At most kMaxDimensions (vector_codes.h).
void rotate(std::span<float> vector);

/// Undoes `rotate`, but for f32 rounding.
void rotate_back(std::span<float> vector);

}  // namespace oko::index

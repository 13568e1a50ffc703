#pragma once

#include <cstddef>

namespace oko {

/// Sum of `count` floats with as many accumulators as keep memory the only limit. `count` is a
/// multiple of 256.
float sum_floats(const float* values, std::size_t count);

/// Multiplies and adds in registers, `rounds` times on 12 independent vectors. Returns the number
/// of operations (a multiplication and an addition are two).
double multiply_add_rounds(std::size_t rounds, float* sink);

}  // namespace oko

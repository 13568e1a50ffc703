#pragma once

#include <span>
#include <string>
#include <string_view>

namespace oko::index {

/// A vector as bytes: an f32 scale, then a 16-bit whole number a coordinate, little-endian.
/// Coordinate = scale · number: of a unit vector exact to 1.6e-5 of its largest coordinate.
std::string encode_stored_vector(std::span<const float> vector);

/// Returns false if the bytes are no vector of `vector.size()` numbers.
bool decode_stored_vector(std::string_view bytes, std::span<float> vector);

}  // namespace oko::index

#pragma once

#include <string>

#include "image/image.h"

namespace oko::image {

/// `image` as a PNG file without metadata. Thread-safe. Throws kFailed.
std::string encode_png(const Image& image);

}  // namespace oko::image

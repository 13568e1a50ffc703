#pragma once

#include <string>

#include "image/image.h"

namespace oko::image {

/// `image` as a JPEG file without metadata; `quality`: 1 to 100. Thread-safe. Throws kFailed.
std::string encode_jpeg(const Image& image, int quality);

}  // namespace oko::image

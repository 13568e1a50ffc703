#pragma once

#include <string>
#include <string_view>

#include "image/image.h"

namespace oko::image {

/// `image` as a JPEG file without metadata; `quality`: 1 to 100. Thread-safe. Throws kFailed.
std::string encode_jpeg(const Image& image, int quality);

/// True if pixels of a JPEG file are lost, or if it is no JPEG file. False for a kind that oko does
/// not read. Decodes the pixels at an eighth of their size. Thread-safe.
bool is_damaged_jpeg(std::string_view bytes);

}  // namespace oko::image

#pragma once

#include <string>

#include "image/image.h"

namespace oko::image {

/// Checks of our own on a file of `format` before any decoder sees it. Throws kBadInput: a PNG
/// whose first chunk says too many pixels, a JPEG made to be decoded over and over.
void check_before_decoder(std::span<const std::byte> bytes, Format format, std::string_view name,
                          const Limits& limits);

/// The feature of a JPEG that not every libjpeg decodes ("lossless JPEG"), in the user's language;
/// empty: none.
std::string unusual_jpeg(std::span<const std::byte> bytes);

}  // namespace oko::image

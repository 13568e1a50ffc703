#pragma once

#include "base/localized_text.h"
#include "image/image.h"

namespace oko::image {

/// `decode` for Windows and OS/2 bitmaps: 1, 4, 8, 16, 24, 32 bits, bit fields, RLE4 and RLE8, rows
/// from either end. libvips reads BMP only through ImageMagick, whose hundred other decoders
/// a user's file must not reach.
Image decode_bmp(std::span<const std::byte> bytes, const LocalizedText& name, const Limits& limits);

/// `read_header` for the same files.
Header read_bmp_header(std::span<const std::byte> bytes, const LocalizedText& name,
                       const Limits& limits);

}  // namespace oko::image

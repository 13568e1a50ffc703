#pragma once

#include "image/image.h"

namespace oko::image {

/// `decode` for the formats that libvips reads: all but kBmp. Only the loader of `format` ever sees
/// the bytes.
Image decode_with_vips(std::span<const std::byte> bytes, Format format, std::string_view name,
                       const Limits& limits, int page);

/// `read_header` for the same formats.
Header read_header_with_vips(std::span<const std::byte> bytes, Format format, std::string_view name,
                             const Limits& limits, int page);

}  // namespace oko::image

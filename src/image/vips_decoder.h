#pragma once

#include "base/localized_text.h"
#include "image/image.h"

namespace oko::image {

/// `decode` for the formats that libvips reads: all but kBmp. Only the loader of `format` ever sees
/// the bytes.
Image decode_with_vips(std::span<const std::byte> bytes, Format format, const LocalizedText& name,
                       const Limits& limits, int page);

/// `read_header` for the same formats.
Header read_header_with_vips(std::span<const std::byte> bytes, Format format,
                             const LocalizedText& name, const Limits& limits, int page);

/// Shrinks a picture that was decoded at the size of its file. Throws kFailed.
void resize_whole(const Limits& limits, Image& image);

}  // namespace oko::image

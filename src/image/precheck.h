#pragma once

#include <string>

#include "base/localized_text.h"
#include "image/image.h"

namespace oko::image {

/// Checks a file of `format` before any decoder sees it. Throws kTooLarge: a PNG whose first chunk
/// says too many pixels; kUnsupported: a JPEG of more than 100 scans; kBadInput: a file that is
/// cut.
void check_before_decoder(std::span<const std::byte> bytes, Format format,
                          const LocalizedText& name, const Limits& limits);

/// The feature of a JPEG that not every libjpeg decodes ("lossless JPEG"); empty: none.
LocalizedText unusual_jpeg(std::span<const std::byte> bytes);

}  // namespace oko::image

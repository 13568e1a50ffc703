#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oko::image {

/// A JPEG file that other programs can decode unchanged, and the facts that they need.
struct JpegFile {
  std::string bytes;
  int width = 0;            ///< pixels as stored
  int height = 0;           ///< pixels as stored
  int components = 3;       ///< 3: colours, 1: grey
  int orientation = 1;      ///< of EXIF, 1 to 8
  std::string icc_profile;  ///< of as many components; empty: sRGB
};

/// Nothing if a decoder of PDF's filter DCTDecode may show the file differently than oko: CMYK, 12
/// bits, lossless or arithmetic coding, RGB without Adobe's mark, or no JPEG.
std::optional<JpegFile> parse_jpeg(std::string bytes);

}  // namespace oko::image

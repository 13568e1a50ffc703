#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/localized_text.h"
#include "image/sniff.h"

namespace oko::image {

/// Limits of a picture file; oko refuses larger ones.
struct Limits {
  std::uint64_t max_pixels = 600'000'000;        ///< width × height as the header declares them
  std::uint64_t max_file_bytes = 4'000'000'000;  ///< bytes of the file
  /// Decoding shrinks a picture of more pixels, by 2, 4 or 8 each way.
  std::uint64_t max_decoded_pixels = 64'000'000;
};

/// A decoded picture: sRGB, 8 bits a channel, interleaved, rows from the top, upright.
struct Image {
  int width = 0;                  ///< pixels, at least 1
  int height = 0;                 ///< pixels, at least 1
  std::vector<std::uint8_t> rgb;  ///< height × width × 3
  double resolution = 0;          ///< pixels an inch; 0 or 72 if the file has none
  int stored_width = 0;           ///< pixels in the file, upright; 0: as `width`
  int stored_height = 0;          ///< pixels in the file, upright; 0: as `height`
};

/// The declared properties of a picture file; `width` and `height` are those of the decoded
/// picture, before orientation.
struct Header {
  Format format = Format::kJpeg;
  int width = 0;   ///< pixels, at least 1
  int height = 0;  ///< pixels, at least 1
  int pages = 1;   ///< of a TIFF file, as `page_count`; 1 of any other
  int others = 0;  ///< pictures or frames of any other file that are not read
  int shrink = 1;  ///< 1, 2, 4 or 8: pixels in the file for one of the decoded picture, each way
  /// Memory that `load` takes at most, the picture included, and the file's bytes unless they are
  /// over 100 MB, which are mapped. Measured with libvips 8.14 and its loaders.
  std::uint64_t decode_bytes = 0;
  /// The time at which the picture was taken, by EXIF, of JPEG, PNG, WebP and HEIC. In UTC if the
  /// camera has told its zone, else as its clock showed it.
  std::optional<std::chrono::sys_seconds> taken = {};
};

/// The hint about a file of no known format; `others`: "PDF, " if the caller reads PDF, too.
LocalizedText hint_of_formats(std::string_view others = {});

/// Reads and decodes a picture file as a viewer shows it: EXIF orientation applied, embedded ICC
/// profile turned into sRGB, transparency laid on white (or on black, if white would hide all),
/// 16 bits cut to 8, pixels that are not square (faxes) stretched, pictures over
/// `limits.max_decoded_pixels` shrunk; the first frame of several; of a TIFF file page `page`,
/// counted from 0. The content decides the format. Thread-safe. Throws kNotFound: missing, no such
/// page; kUnsupported: not a picture that oko reads; kTooLarge: over `limits` (seen in the header,
/// before any pixel is decoded); kBadInput: a folder, empty, damaged or cut short.
Image load(const std::filesystem::path& path, const Limits& limits = {}, int page = 0);

/// The same for a file held in memory; `name` stands for it in messages.
Image decode(std::span<const std::byte> bytes, const LocalizedText& name, const Limits& limits = {},
             int page = 0);

/// Runs the checks of `decode` up to its first pixel.
Header read_header(std::span<const std::byte> bytes, const LocalizedText& name,
                   const Limits& limits = {}, int page = 0);

/// The same for a file.
Header read_header(const std::filesystem::path& path, const Limits& limits = {}, int page = 0);

/// Pages of a picture file without thumbnails and masks, at least 1, also of kinds that oko does
/// not read. Reads only the first bytes of any format but TIFF: 1.
int page_count(const std::filesystem::path& path, const Limits& limits = {});

}  // namespace oko::image

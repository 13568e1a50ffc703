#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"

namespace oko::image {

/// One directory of a TIFF file: the facts that libvips does not give. TIFF 6.0; BigTIFF.
struct TiffDirectory {
  std::uint64_t at = 0;       ///< bytes from the begin of the file
  int index = 0;              ///< among the directories of the file, as libvips counts its pages
  bool is_damaged = false;    ///< it does not lie in the file: nothing else is known
  bool is_reduced = false;    ///< a smaller copy of another picture
  bool is_mask = false;       ///< says where another picture is transparent
  bool is_raw_photo = false;  ///< data of a camera's sensor: DNG and others, ProRAW among them
  std::uint32_t bits = 1;     ///< of the first sample of a pixel
  std::uint32_t compression = 1;
  std::uint32_t photometric = 1;
  std::uint32_t samples = 1;         ///< of a pixel
  std::uint32_t sample_format = 1;   ///< 1 unsigned, 2 signed, 3 floating point
  bool planar = false;               ///< each sample in a plane of its own
  std::uint32_t rows_together = 1;   ///< of a strip or tile
  std::uint32_t ink_set = 1;         ///< 1: cyan, magenta, yellow, black
  std::vector<std::uint32_t> extra;  ///< kinds of the samples beyond the colours; 1, 2: alpha
  bool subsampled = true;            ///< YCbCr with fewer samples of colour than of light
  std::array<double, 3> luma{0.299, 0.587, 0.114};              ///< red, green, blue
  std::array<double, 6> reference{0, 255, 128, 255, 128, 255};  ///< black and white of Y, Cb, Cr
};

/// The directories of a file, in its order; at most 10,000. A damaged one ends them.
std::vector<TiffDirectory> read_tiff_directories(std::span<const std::byte> bytes);

/// The pages among `directories`: all but thumbnails and masks, if others are left.
std::vector<TiffDirectory> tiff_pages(const std::vector<TiffDirectory>& directories);

/// The file with an end in each strip or tile of JPEG data that lacks only that; nothing if none of
/// the directory does.
std::optional<std::vector<std::byte>> with_jpeg_ends(std::span<const std::byte> bytes,
                                                     const TiffDirectory& directory);

/// The reason why oko does not read such a picture; libvips would give wrong colours
/// or fail without a reason. Nothing if oko reads it.
std::optional<LocalizedText> unsupported_tiff(const TiffDirectory& directory);

/// True if libvips mistakes the Y, Cb and Cr of a picture for red, green and blue.
bool needs_ycbcr_conversion(const TiffDirectory& directory);

/// Number of samples of a pixel that are its colour; `extra` has those after them.
std::uint32_t colour_samples(const TiffDirectory& directory);

/// The feature of a picture that not every libvips or libtiff reads ("compression JPEG 2000");
/// empty: none.
LocalizedText unusual_tiff(const TiffDirectory& directory);

}  // namespace oko::image

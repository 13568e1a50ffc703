#pragma once

#include <cstdint>
#include <optional>

#include "document/page_decoder.h"
#include "image/image.h"
#include "index/library.h"

namespace oko::tasks {

/// A rectangle of whole pixels.
struct PixelRect {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  bool operator==(const PixelRect&) const = default;
};

/// The part of a page that shows a match, and the size at which it is shown.
struct MatchView {
  PixelRect part;
  double scale = 1;  ///< pixels of the picture for one of the page, at most 1
};

struct MatchPictureOptions {
  int max_width = 720;  ///< pixels of the picture
  int max_height = 200;
  std::uint64_t memory_bytes = UINT64_MAX;   ///< to decode or draw the page
  document::PageDecoder* decoder = nullptr;  ///< of the file; null: this process decodes it
};

/// The view of `box` on a page of `width` × `height` pixels: at the size at which its lines,
/// `line_height` high, are easily read, or smaller if the box would not fit, but not so small that
/// they cannot be read; then it begins with the box. As much of the page around the box as fits.
MatchView view_of_match(int width, int height, const PixelRect& box, int line_height,
                        const MatchPictureOptions& options);

/// The part of a page around `box`, with the box drawn; without a box the page. Throws kNotFound if
/// the file is gone, kBadInput if it is not as it was indexed, and as image::load and Pdf.
image::Image picture_of_match(const index::Document& document, const index::Chunk& chunk,
                              const std::optional<index::PageBox>& box,
                              const MatchPictureOptions& options);

}  // namespace oko::tasks

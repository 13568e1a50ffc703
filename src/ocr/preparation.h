#pragma once

#include <leptonica/allheaders.h>

#include <memory>
#include <vector>

#include "image/image.h"
#include "ocr/page.h"

namespace oko::ocr {

struct PixDeleter {
  void operator()(Pix* pix) const { pixDestroy(&pix); }
};
using PixPointer = std::unique_ptr<Pix, PixDeleter>;

/// Dots an inch of a prepared picture, about.
inline constexpr int kPreparedResolution = 300;

/// A picture as recognition likes it: grey, its letters of a good size, its lines level.
struct PreparedPicture {
  PixPointer pix;          ///< 8 bits a pixel
  float scale = 1;         ///< pixels of it to one of the original
  float angle = 0;         ///< radians that it was turned by, clockwise, about its centre
  int width = 0;           ///< of the original
  int height = 0;          ///< of the original
  std::vector<Box> rules;  ///< upright lines, as of tables, in pixels of `pix`

  /// Whether the middle of a rectangle of it is on such a line.
  bool is_rule(const Box& box) const;

  /// A rectangle of it as the smallest one around the same place in the original.
  Box in_original(const Box& box) const;
};

/// Makes the picture grey, dark letters on a light ground, scales it so that its small letters (the
/// median of what hangs together) are some 20 pixels tall, and turns it by up to 7 degrees where
/// its lines show a slope.
PreparedPicture prepare(const image::Image& image);

}  // namespace oko::ocr

#pragma once

#include "image/image.h"

namespace oko::image {

/// The scaling of a picture while it is decoded: shrunk if it has too many pixels, its pixels made
/// square.
struct Scaling {
  int shrink = 1;         ///< so many pixels of the file, each way, become one: 1, 2, 4 or 8
  int shrunk_width = 0;   ///< pixels after that
  int shrunk_height = 0;  ///< pixels after that
  int width = 0;          ///< pixels in the end; another than `shrunk_width` where they were narrow
  int height = 0;         ///< pixels in the end; another than `shrunk_height` where they were flat

  bool stretches() const { return width != shrunk_width || height != shrunk_height; }
};

/// For a file of `width` × `height` pixels. Its resolutions count if they differ by 2 % at
/// least and a factor of 3 at most, as those of faxes; a side is stretched, never cut.
Scaling plan_scaling(int width, int height, double x_resolution, double y_resolution,
                     const Limits& limits);

}  // namespace oko::image

#pragma once

#include "image/image.h"

namespace oko::image {

/// The scaling of a picture while it is decoded: shrunk if it has too many pixels, its pixels made
/// square.
struct Scaling {
  int shrink = 1;         ///< pixels of the file, each way, that become one: 1, 2, 4 or 8
  int shrunk_width = 0;   ///< pixels after shrinking
  int shrunk_height = 0;  ///< pixels after shrinking
  int width = 0;          ///< final pixels; differs from `shrunk_width` if pixels were narrow
  int height = 0;         ///< final pixels; differs from `shrunk_height` if pixels were flat

  bool stretches() const { return width != shrunk_width || height != shrunk_height; }
};

/// The scaling for a file of `width` × `height` pixels. Its resolutions count if they differ by at
/// least 2 % and at most a factor of 3, as those of faxes; a side is stretched, never cut.
Scaling plan_scaling(int width, int height, double x_resolution, double y_resolution,
                     const Limits& limits);

}  // namespace oko::image

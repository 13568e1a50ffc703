#include "image/scaling.h"

#include <algorithm>
#include <cmath>

namespace oko::image {
namespace {

constexpr double kLeastRatio = 1.02, kMostRatio = 3;
constexpr int kMostShrink = 8;  // as libjpeg does while it decodes

int stretched(int pixels, double factor) {
  return static_cast<int>(std::lround(pixels * factor));
}

}  // namespace

Scaling plan_scaling(int width, int height, double x_resolution, double y_resolution,
                     const Limits& limits) {
  double ratio = std::max(x_resolution, y_resolution) / std::min(x_resolution, y_resolution);
  if (!(ratio >= kLeastRatio && ratio <= kMostRatio)) ratio = 1;
  Scaling scaling;
  for (;; scaling.shrink *= 2) {
    scaling.shrunk_width = (width - 1) / scaling.shrink + 1;
    scaling.shrunk_height = (height - 1) / scaling.shrink + 1;
    scaling.width = stretched(scaling.shrunk_width, x_resolution < y_resolution ? ratio : 1);
    scaling.height = stretched(scaling.shrunk_height, x_resolution > y_resolution ? ratio : 1);
    const auto pixels =
        static_cast<std::uint64_t>(scaling.width) * static_cast<std::uint64_t>(scaling.height);
    if (pixels <= limits.max_decoded_pixels || scaling.shrink == kMostShrink) return scaling;
  }
}

}  // namespace oko::image

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "image/image.h"

namespace oko::image {

/// Where the first frame of a GIF stands on its canvas, in pixels.
struct GifFrame {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

/// Nothing if the file is cut in front of its first frame.
std::optional<GifFrame> first_gif_frame(std::span<const std::byte> bytes);

/// Makes white what the frame leaves of the canvas: browsers show nothing there, libvips black.
void clear_outside(const GifFrame& frame, Image& canvas);

}  // namespace oko::image

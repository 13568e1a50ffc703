#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "image/image.h"

namespace oko::image {

/// The place of the first frame of a GIF on its canvas, in pixels.
struct GifFrame {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

/// Nothing if the file is cut in front of its first frame.
std::optional<GifFrame> first_gif_frame(std::span<const std::byte> bytes);

/// Makes the canvas outside the frame white: browsers show nothing there, libvips black.
void clear_outside(const GifFrame& frame, Image& canvas);

}  // namespace oko::image

#pragma once

#include "image/image.h"

namespace oko::image {

/// `image` at `width` × `height` pixels (both at least 1) by bicubic convolution (a = -0.5),
/// widened when shrinking, in fixed point of 22 bits, with 8 bits kept between the two passes: byte
/// for byte the result of `Image.resize((width, height), Image.BICUBIC)` of Pillow 13 for RGB.
/// Pillow before 13 always went by columns first; some pixels of tall pictures differ by one level
/// there.
Image resize_bicubic(const Image& image, int width, int height);

}  // namespace oko::image

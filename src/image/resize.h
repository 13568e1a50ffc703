#pragma once

#include "image/image.h"

namespace oko::image {

/// `image` at `width` × `height` pixels (both at least 1) by bicubic convolution (a = -0.5),
/// widened when shrinking, in fixed point of 22 bits, with 8 bits kept between the two passes: byte
/// for byte what `Image.resize((width, height), Image.BICUBIC)` of Pillow 13 gives for RGB. Before
/// 13 Pillow always went by columns first; tall pictures then differ by one level here and there.
Image resize_bicubic(const Image& image, int width, int height);

}  // namespace oko::image

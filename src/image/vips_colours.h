#pragma once

#include "image/tiff.h"
#include "image/vips_session.h"

namespace oko::image {

/// `image` as sRGB, 8 bits a channel, without transparency, by operations that run as its pixels
/// are asked for. `directory`: of a TIFF file, else null. Nothing where libvips knows no way.
Handle to_rgb_on_white(Handle image, const TiffDirectory* directory);

}  // namespace oko::image

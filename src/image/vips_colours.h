#pragma once

#include "image/tiff.h"
#include "image/vips_session.h"

namespace oko::image {

/// `image` as sRGB, 8 bits a channel, with what is transparent laid on grey `ground` (0..255), by
/// operations that run as its pixels are asked for. `directory`: of a TIFF file, else null. Nothing
/// if libvips has no conversion.
Handle to_rgb(Handle image, const TiffDirectory* directory, double ground);

}  // namespace oko::image

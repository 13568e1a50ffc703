#pragma once

#include "image/tiff.h"
#include "image/vips_session.h"

namespace oko::image {

/// `image` as sRGB, 8 bits a channel, laid on grey `ground` (0..255) where it is transparent, by
/// operations that run when its pixels are requested. `directory`: of a TIFF file, else null.
/// Nothing if libvips has no conversion.
Handle to_rgb(Handle image, const TiffDirectory* directory, double ground);

}  // namespace oko::image

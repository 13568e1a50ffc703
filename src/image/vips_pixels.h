#pragma once

#include "image/image.h"
#include "image/scaling.h"
#include "image/vips_session.h"

namespace oko::image {

/// Decodes into the pixels of `result`, in one pass; false if the data are damaged.
bool write_pixels(const Handle& image, Image& result);

/// Averages `shrink` pixels of `image`, each way, 8 bits a channel, into one.
Handle shrink_pixels(const Handle& image, int shrink);

/// Shrinks, unless that was done while decoding, and stretches a picture. Throws kFailed if libvips
/// cannot.
void apply_scaling(const Scaling& scaling, Image& image);

/// Turns and mirrors as the EXIF tag `orientation` (2 to 8) asks. Throws kFailed.
void apply_orientation(int orientation, Image& image);

}  // namespace oko::image

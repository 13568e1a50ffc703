#pragma once

#include <leptonica/allheaders.h>

#include "image/image.h"

namespace oko::ocr {

/// Whether light falls off gradually over a grey picture of dark letters, so that no one threshold
/// parts ink from paper: the paper of its darkest places is less than 3/4 as light as that of its
/// lightest ones, and changes little from place to place.
bool has_uneven_light(Pix* grey);

/// Divides a grey picture by its paper, place by place: the paper becomes one light grey. What is
/// solid and wider than some 60 pixels becomes paper, too. Null where the picture is too small.
Pix* with_even_ground(Pix* grey);

/// Makes strokes of a marker in `grey`, the picture in grey, as light as paper. Nothing changes
/// where the paper is not white, or where no dark print stands on bright colours.
void remove_markers(const image::Image& image, Pix* grey);

}  // namespace oko::ocr

#pragma once

#include <leptonica/allheaders.h>

#include "image/image.h"

namespace oko::ocr {

/// The variation of the paper's lightness in a picture of dark letters.
enum class Light {
  kEven,
  kFallsOff,  ///< gradually, so that no single threshold separates ink from paper
  kAbrupt,    ///< with edges, as of a desk, a panel or a picture
};

/// Not kEven if the paper of the darkest places is less than 3/4 as light as that of the lightest
/// ones.
Light light_of(Pix* grey);

/// Divides a grey picture by its paper, place by place: the paper becomes one light grey. Solid
/// areas wider than some 60 pixels become paper, too. Null if the picture is too small.
Pix* with_even_ground(Pix* grey);

/// Makes strokes of a marker in `grey`, the picture in grey, as light as paper. Changes nothing if
/// the paper is not white, or if there is no dark print on bright colours.
void remove_markers(const image::Image& image, Pix* grey);

}  // namespace oko::ocr

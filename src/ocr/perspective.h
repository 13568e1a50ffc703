#pragma once

#include <leptonica/allheaders.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "document/page.h"
#include "ocr/preparation.h"

namespace oko::ocr {

/// Finds the perspective of a page photographed from the left or right: its lines meet in one
/// point. `letters`: boxes in a picture of `width` x `height` pixels. Looks for the point from
/// which the letters stand on the fewest rays: projection profiles of vanishing points (Clark and
/// Mirmehdi, "Recognising text in real scenes", 2002). Nothing if parallel lines fit the letters
/// about as well, as on a page photographed from above or below, which is readable without this.
std::optional<Projection> find_perspective(const std::vector<document::Box>& letters, int width,
                                           int height);

/// The picture with its lines parallel and level, about the same middle. It grows, at most to
/// `most` pixels: beyond that `projection` is reduced, too. New pixels get the grey `paper`.
PixPointer projected(Pix* grey, Projection& projection, std::uint64_t most, int paper);

}  // namespace oko::ocr

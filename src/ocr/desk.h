#pragma once

#include "ocr/preparation.h"

namespace oko::ocr {

/// Removes the darker desk around a photographed page: the desk becomes paper, and the light on the
/// page becomes even. Null if no part of the picture is a page: lighter than its surroundings,
/// without dents, and nearly all paper.
PixPointer without_desk(Pix* grey);

/// True if removing the desk surely loses no print: the edges of the page are not level, and around
/// it are neither light nor dark letters.
bool is_page_on_desk(Pix* grey);

}  // namespace oko::ocr

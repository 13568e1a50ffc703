#pragma once

#include "ocr/preparation.h"

namespace oko::ocr {

/// Removes the darker desk around a photographed page: the desk becomes paper, and light on the
/// page is made even. Null if there is no such page, which is lighter than all around it, has no
/// dents, and is nearly all paper.
PixPointer without_desk(Pix* grey);

/// True if that is surely a photograph of a page that loses no print: its edges are not level, and
/// around it are neither light nor dark letters.
bool is_page_on_desk(Pix* grey);

}  // namespace oko::ocr

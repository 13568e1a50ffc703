#pragma once

#include <vector>

#include "document/page.h"

namespace oko::ocr {

/// True if the components of a picture are placed like letters of any script, level or upright:
/// many of them in rows of neighbours of about one height, unlike those of textures, leaves and
/// drawings.
bool looks_like_text(const std::vector<document::Box>& components);

}  // namespace oko::ocr

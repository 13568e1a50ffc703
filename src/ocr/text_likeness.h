#pragma once

#include <vector>

#include "document/page.h"

namespace oko::ocr {

/// True if components of a picture stand like letters, in any script, level or upright: many of
/// them in rows of neighbours of about one height. Those of textures, leaves and drawings do not.
bool looks_like_text(const std::vector<document::Box>& components);

}  // namespace oko::ocr

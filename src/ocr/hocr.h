#pragma once

#include <span>
#include <string>

#include "ocr/page.h"

namespace oko::ocr {

/// Pages as one hOCR 1.2 document (HTML): areas, lines and words with boxes and confidences.
std::string hocr(std::span<const Page> pages);

}  // namespace oko::ocr

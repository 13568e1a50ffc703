#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "document/page.h"

namespace oko::ocr {

/// Writes pages as one hOCR 1.2 document (HTML): areas, lines and words with boxes and confidences.
/// Call begin(), page() for each page, and end(): no page need be kept.
class HocrWriter {
 public:
  std::string begin() const;
  /// `file` and `number`, counted from 0, become "image" and "x_source" of the page. "ppageno"
  /// counts the pages of all files.
  std::string page(const document::Page& page, std::string_view file, int number);
  /// Counts a page that could not be read.
  void skip_page() { ++pages_; }
  std::string end() const;

 private:
  std::size_t pages_ = 0;  ///< so far
  std::size_t words_ = 0;  ///< so far
};

}  // namespace oko::ocr

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "document/page.h"

namespace oko::ocr {

/// Pages as one hOCR 1.2 document (HTML): areas, lines and words with boxes and confidences. Page
/// by page, so that none need be kept: begin(), page() for each, end().
class HocrWriter {
 public:
  std::string begin() const;
  /// `file` and `number`, counted from 0, say where the page is from: "image" and "x_source".
  /// "ppageno" counts the pages of all files.
  std::string page(const document::Page& page, std::string_view file, int number);
  /// A page that could not be read keeps its number.
  void skip_page() { ++pages_; }
  std::string end() const;

 private:
  std::size_t pages_ = 0;  ///< so far
  std::size_t words_ = 0;  ///< so far
};

}  // namespace oko::ocr

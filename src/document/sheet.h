#pragma once

#include <array>

#include "image/jpeg_file.h"

namespace oko::document {

/// The ground of a page's text in a PDF: a picture, or the unchanged page of a PDF.
struct Sheet {
  image::JpegFile picture;  ///< without bytes: the page of the file itself
  double width = 0;         ///< of the page as shown, in points or units of the page's UserUnit
  double height = 0;        ///< the same
  /// a to f of the format: from the page as shown, the origin bottom left, to its own space.
  std::array<double, 6> matrix{1, 0, 0, 1, 0, 0};
};

}  // namespace oko::document

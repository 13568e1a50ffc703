#pragma once

#include <string>

namespace oko::document {

/// The picture of a page, as it goes into a PDF.
struct PagePicture {
  std::string jpeg;          ///< of 3 channels
  int width = 0;             ///< pixels
  int height = 0;            ///< pixels
  double width_points = 0;   ///< of the page, 1/72 inch
  double height_points = 0;  ///< of the page, 1/72 inch
};

}  // namespace oko::document

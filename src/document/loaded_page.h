#pragma once

#include <functional>
#include <utility>
#include <variant>

#include "document/page.h"
#include "image/image.h"

namespace oko::document {

/// A picture to read, or a page whose text is known without a picture.
struct LoadedPage {
  /// `complete` makes the page from the text that was read in the picture; empty: that is the page.
  LoadedPage(image::Image picture, std::function<Page(Page)> complete = {})
      : content(std::move(picture)), complete(std::move(complete)) {}
  LoadedPage(Page page) : content(std::move(page)) {}

  std::variant<image::Image, Page> content;
  std::function<Page(Page)> complete;
};

}  // namespace oko::document

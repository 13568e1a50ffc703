#pragma once

#include <algorithm>
#include <compare>

#include "document/page.h"
#include "image/image.h"

namespace oko::document {

/// The pixels of a box, within a picture.
struct PixelBox {
  int left, top, right, bottom;
  auto operator<=>(const PixelBox&) const = default;

  bool is_inside(const PixelBox& other) const {
    return left >= other.left && top >= other.top && right <= other.right && bottom <= other.bottom;
  }
};

/// `margin`: pixels around the box.
inline PixelBox pixels_of(const Box& box, float margin, const image::Image& picture) {
  const auto within = [](float value, int most) {
    return static_cast<int>(std::clamp(value, 0.0f, static_cast<float>(most)));
  };
  return {within(box.left - margin, picture.width), within(box.top - margin, picture.height),
          within(box.left + box.width + margin, picture.width),
          within(box.top + box.height + margin, picture.height)};
}

}  // namespace oko::document

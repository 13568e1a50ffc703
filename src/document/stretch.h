#pragma once

#include <algorithm>

#include "document/page.h"

namespace oko::document {

/// A stretch of a box along its reading direction, or one across it, downwards from its top.
struct Stretch {
  float begin = 0;
  float end = 0;
  float length() const { return end - begin; }
};

/// `quarter_turns`: of the reading direction, clockwise, 0 to 3.
inline Stretch along(const Box& box, int quarter_turns) {
  const float right = box.left + box.width, bottom = box.top + box.height;
  switch (quarter_turns) {
    case 1:
      return {box.top, bottom};
    case 2:
      return {-right, -box.left};
    case 3:
      return {-bottom, -box.top};
    default:
      return {box.left, right};
  }
}

inline Stretch across(const Box& box, int quarter_turns) {
  return along(box, (quarter_turns + 1) % 4);
}

/// The length of the overlap; negative: the distance between them.
inline float overlap(const Stretch& a, const Stretch& b) {
  return std::min(a.end, b.end) - std::max(a.begin, b.begin);
}

inline Box around(const Box& a, const Box& b) {
  const float left = std::min(a.left, b.left), top = std::min(a.top, b.top);
  return {left, top, std::max(a.left + a.width, b.left + b.width) - left,
          std::max(a.top + a.height, b.top + b.height) - top};
}

}  // namespace oko::document

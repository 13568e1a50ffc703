#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/request_json.h"

namespace oko::server {

/// Pixels of an upright picture as its file has it.
struct PictureSize {
  int width = 0;
  int height = 0;
  bool operator==(const PictureSize&) const = default;
};

/// A place in a picture that an answer names, in its pixels; a point has width and height 0.
struct AnswerBox {
  std::string label;
  std::size_t image = 0;  ///< of the request, counted from 1; each page of a PDF is one
  bool is_point = false;
  double left = 0, top = 0, width = 0, height = 0;
};

inline constexpr std::size_t kMostBoxes = 1000;  ///< of an answer

/// `coordinate`, of Qwen3-VL's 0..1000 along a side, in pixels of a side of `side`, a tenth the
/// smallest: 0 is 0 and 1000 is `side`. What lies outside is moved to the edge.
double pixels_of(double coordinate, int side);

/// The places that an answer names in JSON, alone or among other text: objects with "bbox_2d" (or
/// "bbox"), four numbers, or "point_2d", two. Corners in the wrong order are exchanged; lists of
/// other lengths and those with anything but numbers are left out. A place belongs to the picture
/// whose number, from 1, its object has as "image"; to the last one if it has none, or no such.
/// None if there are no `pictures`.
std::vector<AnswerBox> boxes_of(std::string_view answer, const std::vector<PictureSize>& pictures);

/// [{"label", "image", "size": [width, height], "box": [left, top, width, height]}, ...], with
/// "point": [x, y] in place of "box".
Json json_of(const std::vector<AnswerBox>& boxes, const std::vector<PictureSize>& pictures);

/// Adds them as "boxes"; nothing: nobody asks for them.
void add_boxes(const std::optional<std::vector<PictureSize>>& pictures, std::string_view answer,
               Json& object);

}  // namespace oko::server

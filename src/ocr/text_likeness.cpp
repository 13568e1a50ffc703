#include "ocr/text_likeness.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

namespace oko::ocr {
namespace {

// Of 17 pictures without text, 16 have up to 0.06 of their components in such rows, and grass has
// 0.24. Blurred lines, handwriting and four scripts that are not read have 0.39 and more.
constexpr float kLeastShare = 0.3f;
constexpr std::size_t kRow = 5;
constexpr std::size_t kShortRow = 4;  // of a single word
constexpr std::size_t kOneWord = 40;  // components at most
constexpr float kMostTaller = 2;      // than its neighbour: capitals, and letters with a tail
constexpr float kWidestGap = 1.5f;    // in heights: a space
constexpr float kOverlap = 0.3f;      // in heights
constexpr float kFootApart = 0.35f;   // in heights of the taller one

/// The gap between two that may be neighbours in a row, in pixels.
std::optional<float> gap_between(const document::Box& left, const document::Box& right) {
  const float gap = right.left - (left.left + left.width);
  const float taller = std::max(left.height, right.height);
  const float feet = std::abs(left.top + left.height - (right.top + right.height));
  const bool are_neighbours = gap >= -kOverlap * left.height && gap <= kWidestGap * left.height &&
                              right.left > left.left + left.width / 2;
  const bool are_alike =
      taller <= kMostTaller * std::min(left.height, right.height) && feet <= kFootApart * taller;
  if (!are_neighbours || !are_alike) return std::nullopt;
  return gap;
}

/// The fraction of boxes in rows of at least `least` boxes.
float share_in_rows(std::vector<document::Box> boxes, std::size_t least) {
  std::sort(boxes.begin(), boxes.end(),
            [](const document::Box& a, const document::Box& b) { return a.left < b.left; });
  std::vector<std::size_t> length(boxes.size(), 1);  // of the row up to a box
  std::vector<bool> goes_on(boxes.size(), false);
  std::size_t in_rows = 0;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const float reach = boxes[i].left + boxes[i].width + kWidestGap * boxes[i].height;
    float nearest = std::numeric_limits<float>::max();
    std::optional<std::size_t> next;
    for (std::size_t j = i + 1; j < boxes.size() && boxes[j].left <= reach; ++j) {
      const auto gap = gap_between(boxes[i], boxes[j]);
      if (!gap || *gap >= nearest) continue;
      nearest = *gap;
      next = j;
    }
    if (next && length[*next] == 1) {
      length[*next] = length[i] + 1;
      goes_on[i] = true;
    }
  }
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (!goes_on[i] && length[i] >= least) in_rows += length[i];
  }
  return boxes.empty() ? 0 : static_cast<float>(in_rows) / static_cast<float>(boxes.size());
}

}  // namespace

bool looks_like_text(const std::vector<document::Box>& components) {
  const std::size_t least = components.size() <= kOneWord ? kShortRow : kRow;
  if (share_in_rows(components, least) >= kLeastShare) return true;
  std::vector<document::Box> upright;
  upright.reserve(components.size());
  for (const document::Box& box : components)
    upright.push_back({box.top, box.left, box.height, box.width});
  return share_in_rows(std::move(upright), least) >= kLeastShare;
}

}  // namespace oko::ocr

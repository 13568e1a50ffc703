#include "document/text_baseline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "document/stretch.h"

namespace oko::document {
namespace {

// In heights of the letters: a line of kLongLine has a reliable slope, and text that rises less
// than kLevelRise is level.
constexpr double kLongLine = 8;
constexpr double kLevelRise = 0.3;
constexpr std::size_t kEnoughWords = 3;
constexpr double kSteepest = std::numbers::pi / 6;
constexpr float kTallLine = 2;   // times its width: the line runs up or down
constexpr double kUneven = 1.4;  // times the tallest word: the words of a higher line are not level
constexpr double kLeastSize = 0.1;

float middle(const Stretch& stretch) {
  return (stretch.begin + stretch.end) / 2;
}

double median(std::vector<double> values) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double height_of(const Line& line, int turns) {
  std::vector<double> heights;
  heights.reserve(line.words.size());
  for (const Word& word : line.words) heights.push_back(across(word.box, turns).length());
  return std::max(median(heights), kLeastSize);
}

/// The slope of a line by least squares; nothing if the line is too short for it.
std::optional<double> slope_of(const Line& line, int turns) {
  const double length = along(line.box, turns).length();
  if (line.words.size() < kEnoughWords || length < kLongLine * height_of(line, turns)) {
    return std::nullopt;
  }
  double all = 0, u = 0, v = 0, uu = 0, uv = 0;
  for (const Word& word : line.words) {
    const auto weight = static_cast<double>(word.text.size());
    const double at = middle(along(word.box, turns)) - along(line.box, turns).begin;
    const double down = middle(across(word.box, turns)) - across(line.box, turns).begin;
    all += weight;
    u += weight * at;
    v += weight * down;
    uu += weight * at * at;
    uv += weight * at * down;
  }
  const double spread = all * uu - u * u;
  if (!(spread > 0)) return std::nullopt;
  const double slope = (all * uv - u * v) / spread;
  return std::abs(std::atan(slope)) <= kSteepest ? std::optional(slope) : std::nullopt;
}

/// The common slope of the lines of one direction.
struct Slope {
  double rise = 0;    ///< across, of one along; 0: level
  double middle = 0;  ///< of the text, along
};

/// The median slope of the lines that are long enough.
Slope slope_of(const std::vector<const Line*>& lines, int turns) {
  std::vector<double> slopes, heights;
  double begin = std::numeric_limits<double>::max(), end = std::numeric_limits<double>::lowest();
  for (const Line* line : lines) {
    const Stretch here = along(line->box, turns);
    begin = std::min<double>(begin, here.begin);
    end = std::max<double>(end, here.end);
    heights.push_back(height_of(*line, turns));
    if (const auto slope = slope_of(*line, turns)) slopes.push_back(*slope);
  }
  const Slope slope{slopes.empty() ? 0 : median(slopes), (begin + end) / 2};
  const bool level = std::abs(slope.rise) * (end - begin) < kLevelRise * median(heights);
  return level ? Slope{} : slope;
}

/// The layout of a line whose words stand on the lower sides of their boxes.
LineLayout level_line(const Line& line, int turns) {
  LineLayout layout{turns, 0, 0, {}};
  double tallest = 0;
  std::vector<double> bottoms;
  for (const Word& word : line.words) {
    const Stretch here = along(word.box, turns), rows = across(word.box, turns);
    layout.words.push_back({here.begin, here.end});
    bottoms.push_back(rows.end);
    tallest = std::max<double>(tallest, rows.length());
  }
  const Stretch rows = across(line.box, turns);
  const bool even = rows.length() < kUneven * tallest;
  layout.size = even ? rows.length() : tallest;
  layout.bottom = even ? rows.end : median(bottoms);
  return layout;
}

/// The layout of a line whose boxes are the smallest ones around turned rectangles.
LineLayout sloping_line(const Line& line, int turns, const Slope& slope) {
  LineLayout layout{turns, 0, 0, {}};
  const double angle = std::atan(slope.rise);
  const double cosine = std::cos(angle), sine = std::abs(std::sin(angle));
  std::vector<double> heights, middles;
  for (const Word& word : line.words) {
    const Stretch here = along(word.box, turns), rows = across(word.box, turns);
    const double height =
        (rows.length() * cosine - here.length() * sine) / (cosine * cosine - sine * sine);
    layout.words.push_back({here.begin, here.end});
    heights.push_back(std::max(height, 0.1 * rows.length()));
    middles.push_back(middle(rows) - slope.rise * (middle(here) - slope.middle));
  }
  layout.size = median(heights);
  layout.bottom = median(middles) + layout.size / 2;
  return layout;
}

}  // namespace

int quarter_turns(const Line& line, int usual) {
  const Box &first = line.words.front().box, &last = line.words.back().box;
  const bool tall = line.box.height > kTallLine * line.box.width && line.text().size() > 2;
  if (line.words.size() < 2) {
    if (tall) return usual % 2 != 0 ? usual : 1;
    return usual % 2 == 0 ? usual : 0;
  }
  if (tall) return middle(along(last, 1)) >= middle(along(first, 1)) ? 1 : 3;
  return middle(along(last, 0)) < middle(along(first, 0)) ? 2 : 0;
}

int usual_quarter_turns(const Page& page) {
  std::array<std::size_t, 4> letters{};
  for (const Line& line : page.lines) {
    if (line.words.size() < 2) continue;
    letters[static_cast<std::size_t>(quarter_turns(line, 0))] += line.text().size();
  }
  return static_cast<int>(std::max_element(letters.begin(), letters.end()) - letters.begin());
}

std::vector<LineLayout> line_layouts(const Page& page) {
  const int usual = usual_quarter_turns(page);
  std::array<std::vector<const Line*>, 4> directions;
  for (const Line& line : page.lines) {
    if (line.words.empty()) continue;
    directions[static_cast<std::size_t>(quarter_turns(line, usual))].push_back(&line);
  }
  std::array<Slope, 4> slopes{};
  for (std::size_t i = 0; i < directions.size(); ++i) {
    if (!directions[i].empty()) slopes[i] = slope_of(directions[i], static_cast<int>(i));
  }
  std::vector<LineLayout> layouts;
  layouts.reserve(page.lines.size());
  for (const Line& line : page.lines) {
    if (line.words.empty()) {
      layouts.emplace_back();
      continue;
    }
    const int turns = quarter_turns(line, usual);
    const Slope& slope = slopes[static_cast<std::size_t>(turns)];
    layouts.push_back(slope.rise == 0 ? level_line(line, turns) : sloping_line(line, turns, slope));
    layouts.back().size = std::max(layouts.back().size, kLeastSize);
  }
  return layouts;
}

}  // namespace oko::document

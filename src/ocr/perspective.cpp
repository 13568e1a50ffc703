#include "ocr/perspective.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <new>
#include <utility>

namespace oko::ocr {
namespace {

constexpr float kMostSloping = 0.4f;      // of a line in the middle: 22 degrees
constexpr float kMostConverging = 0.45f;  // half the width / the distance to the vanishing point
constexpr std::size_t kMostFeet = 1500;
constexpr float kFewestBins = 200;  // for half the height at most: dust would need more
// Generated photographs have 1.3 and more, all other generated pages up to 1.01.
constexpr double kClearlyBetter = 1.15;
constexpr float kLongestPicture = 32'000;  // Tesseract counts in 16 bits

/// Lines y = b + (slope + converging * b) * x for all b, in pixels from the middle.
struct Rays {
  float slope = 0, converging = 0;
  double score = 0;  ///< higher if the letters stand on fewer rays
};

/// The rays to try: steps to both sides of a middle.
struct Search {
  Rays middle;
  int slopes = 0, convergings = 0;  ///< steps
  float slope_step = 0, converging_step = 0;
};

/// The profile of a picture's letters on rays.
class Profile {
 public:
  Profile(const std::vector<document::Box>& letters, float half_width, float half_height)
      : half_height_(half_height) {
    const std::size_t step = letters.size() / kMostFeet + 1;
    for (std::size_t i = 0; i < letters.size(); i += step) {
      const document::Box& box = letters[i];
      feet_.push_back({box.left + box.width / 2 - half_width, box.top + box.height - half_height});
    }
    along_.resize(feet_.size());
    across_.resize(feet_.size());
  }

  /// The best of the rays of `search`. `bin`: its width in pixels.
  Rays best_of(const Search& search, float bin) {
    Rays best;
    for (int i = -search.convergings; i <= search.convergings; ++i) {
      const float converging =
          search.middle.converging + static_cast<float>(i) * search.converging_step;
      for (std::size_t k = 0; k < feet_.size(); ++k) {
        const float nearness = 1 / ((1 + converging * feet_[k].x) * bin);
        along_[k] = feet_[k].x * nearness;
        across_[k] = feet_[k].y * nearness;
      }
      for (int j = -search.slopes; j <= search.slopes; ++j) {
        const float slope = search.middle.slope + static_cast<float>(j) * search.slope_step;
        const double score = score_of(slope, bin);
        if (score > best.score) best = {slope, converging, score};
      }
    }
    return best;
  }

 private:
  /// The sum of the squared counts of letters in two neighbouring bins.
  double score_of(float slope, float bin) {
    const auto middle = static_cast<int>(2 * half_height_ / bin) + 1;
    counts_.assign(2 * static_cast<std::size_t>(middle), 0);
    for (std::size_t k = 0; k < feet_.size(); ++k) {
      const int at = middle + static_cast<int>(std::floor(across_[k] - slope * along_[k]));
      if (at >= 0 && at < 2 * middle) ++counts_[static_cast<std::size_t>(at)];
    }
    double sum = 0;
    for (std::size_t i = 1; i < counts_.size(); ++i) {
      const double count = counts_[i - 1] + counts_[i];
      sum += count * count;
    }
    return sum;
  }

  std::vector<Point> feet_;            // where letters stand, from the middle
  std::vector<float> along_, across_;  // of the feet, in bins
  std::vector<int> counts_;
  float half_height_ = 0;
};

/// Half of the width and height of the levelled picture. Reduces `projection` if it is too large.
Point fitted(Projection& projection, float width, float height, std::uint64_t most) {
  Point half{width / 2, height / 2};
  for (const float x : {-width / 2, width / 2}) {
    for (const float y : {-height / 2, height / 2}) {
      const Point level = projection.levelled({x, y});
      half = {std::max(half.x, std::abs(level.x)), std::max(half.y, std::abs(level.y))};
    }
  }
  const float zoom = std::min({1.0f, std::sqrt(static_cast<float>(most) / (4 * half.x * half.y)),
                               kLongestPicture / (2 * half.x), kLongestPicture / (2 * half.y)});
  projection.zoom *= zoom;
  return {half.x * zoom, half.y * zoom};
}

}  // namespace

Point Projection::levelled(const Point& at) const {
  const float nearness = zoom / (1 + converging * at.x);
  return {(at.x + slope * at.y) * nearness, (at.y - slope * at.x) * nearness};
}

Point Projection::original(const Point& at) const {
  const float grown = zoom * (1 + slope * slope);
  const float x = (at.x - slope * at.y) / grown, y = (at.y + slope * at.x) / grown;
  const float nearness = 1 - converging * x;
  return {x / nearness, y / nearness};
}

std::optional<Projection> find_perspective(const std::vector<document::Box>& letters, int width,
                                           int height) {
  if (letters.empty()) return std::nullopt;
  const float half_width = static_cast<float>(width) / 2;
  const float half_height = static_cast<float>(height) / 2;
  Profile profile(letters, half_width, half_height);
  const float coarse = std::max(document::median_height(letters) / 2, half_height / kFewestBins);
  const float fine = coarse / 2;
  // A step moves a letter at an edge by one bin.
  Search all;
  all.slope_step = coarse / half_width;
  all.converging_step = coarse / (half_width * half_height);
  all.slopes = static_cast<int>(kMostSloping / all.slope_step);
  const auto refined = [&](const Rays& rays, int convergings) {
    return profile.best_of({rays, 4, convergings, all.slope_step / 4, all.converging_step / 4},
                           fine);
  };
  const Rays parallel = refined(profile.best_of(all, coarse), 0);
  all.convergings = static_cast<int>(kMostConverging / half_width / all.converging_step);
  const Rays rays = refined(profile.best_of(all, coarse), 4);
  if (rays.score < kClearlyBetter * parallel.score) return std::nullopt;
  return Projection{rays.slope, rays.converging};
}

PixPointer projected(Pix* grey, Projection& projection, std::uint64_t most, int paper) {
  const auto width = static_cast<float>(pixGetWidth(grey));
  const auto height = static_cast<float>(pixGetHeight(grey));
  const Point half = fitted(projection, width, height, most);
  // Leptonica keeps the size of the picture.
  const int across = std::max(0, static_cast<int>(std::ceil(half.x - width / 2)));
  const int down = std::max(0, static_cast<int>(std::ceil(half.y - height / 2)));
  const PixPointer grown(
      pixAddBorderGeneral(grey, across, across, down, down, static_cast<l_uint32>(paper)));
  if (!grown) throw std::bad_alloc();
  const float middle_x = static_cast<float>(pixGetWidth(grown.get())) / 2;
  const float middle_y = static_cast<float>(pixGetHeight(grown.get())) / 2;
  Pta* from = ptaCreate(4);
  Pta* to = ptaCreate(4);
  for (const float x : {-width / 2, width / 2}) {
    for (const float y : {-height / 2, height / 2}) {
      const Point level = projection.levelled({x, y});
      ptaAddPt(from, x + middle_x, y + middle_y);
      ptaAddPt(to, level.x + middle_x, level.y + middle_y);
    }
  }
  PixPointer result(pixProjectivePtaGray(grown.get(), to, from, static_cast<l_uint8>(paper)));
  ptaDestroy(&from);
  ptaDestroy(&to);
  if (!result) throw std::bad_alloc();
  return result;
}

}  // namespace oko::ocr

#include "ocr/ground.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ocr/preparation.h"

namespace oko::ocr {
namespace {

constexpr int kTile = 16;               // pixels
constexpr float kEvenLight = 0.75f;     // darkest paper to lightest
constexpr float kGradual = 0.15f;       // between neighbouring tiles
constexpr float kSteepAtMost = 0.005f;  // of all pairs of neighbours
constexpr int kPaperGrey = 240;
constexpr int kReduction = 4;
constexpr int kClosingSize = 15;  // reduced pixels: wider than print

constexpr int kBright = 180;                               // the largest channel of a marker
constexpr int kColourful = 50;                             // largest minus smallest channel
constexpr int kLightPaper = 170;                           // the smallest channel of white paper
constexpr int kDarkInk = 110;                              // the largest channel
constexpr int kStroke = 9;                                 // pixels: strokes of letters are thinner
constexpr int kLetter = 41;                                // pixels of a marker that print hides
constexpr double kLeastMarked = 0.003, kLeastPaper = 0.5;  // of all pixels
constexpr double kLeastPrint = 0.02;                       // of a marked place

/// The lightest grey of each tile.
PixPointer paper_of_tiles(Pix* grey) {
  return PixPointer(pixScaleGrayMinMax(grey, kTile, kTile, L_CHOOSE_MAX));
}

int value_at(Pix* pix, int x, int y) {
  l_uint32 value = 0;
  pixGetPixel(pix, x, y, &value);
  return static_cast<int>(value);
}

struct Channels {
  int smallest, largest;
  explicit Channels(const std::uint8_t* rgb)
      : smallest(std::min({rgb[0], rgb[1], rgb[2]})), largest(std::max({rgb[0], rgb[1], rgb[2]})) {}
  bool is_marked() const { return largest >= kBright && largest - smallest >= kColourful; }
};

/// A mask of bright colours wider than strokes of letters, and of the print on them; null if there
/// are few or the paper is not white.
PixPointer marked_places(const image::Image& image) {
  PixPointer mask(pixCreate(image.width, image.height, 1));
  if (!mask) return mask;
  std::size_t marked = 0, paper = 0;
  const std::uint8_t* rgb = image.rgb.data();
  for (int y = 0; y < image.height; ++y) {
    l_uint32* line = pixGetData(mask.get()) + std::ptrdiff_t{y} * pixGetWpl(mask.get());
    for (int x = 0; x < image.width; ++x, rgb += 3) {
      const Channels channels(rgb);
      paper += channels.smallest >= kLightPaper ? 1 : 0;
      if (!channels.is_marked()) continue;
      ++marked;
      SET_DATA_BIT(line, x);
    }
  }
  const double pixels = static_cast<double>(image.width) * image.height;
  if (static_cast<double>(marked) < kLeastMarked * pixels ||
      static_cast<double>(paper) < kLeastPaper * pixels) {
    return nullptr;
  }
  mask.reset(pixOpenBrick(nullptr, mask.get(), kStroke, kStroke));
  if (mask) mask.reset(pixCloseBrick(nullptr, mask.get(), kLetter, kLetter));
  if (mask) mask.reset(pixDilateBrick(nullptr, mask.get(), 5, 5));
  return mask;
}

/// A rectangle in pixels.
struct Place {
  int left = 0, top = 0, width = 0, height = 0;
};

/// Calls use(x, y, channels) for the pixels of `place` that are set in `mask`.
template <typename Use>
void for_each_marked(const image::Image& image, Pix* mask, const Place& place, const Use& use) {
  for (int y = place.top; y < place.top + place.height; ++y) {
    l_uint32* line = pixGetData(mask) + std::ptrdiff_t{y} * pixGetWpl(mask);
    const std::uint8_t* row = image.rgb.data() + 3 * std::ptrdiff_t{y} * image.width;
    for (int x = place.left; x < place.left + place.width; ++x) {
      if (GET_DATA_BIT(line, x) != 0) use(x, y, Channels(row + 3 * std::ptrdiff_t{x}));
    }
  }
}

void remove_marker(const image::Image& image, Pix* mask, const Place& place, Pix* grey) {
  std::size_t all = 0, print = 0;
  for_each_marked(image, mask, place, [&](int, int, const Channels& channels) {
    ++all;
    print += channels.largest < kDarkInk ? 1 : 0;
  });
  if (static_cast<double>(print) < kLeastPrint * static_cast<double>(all)) return;
  for_each_marked(image, mask, place, [&](int x, int y, const Channels& channels) {
    // A marker absorbs only some colours, so the largest channel shows the paper.
    l_uint32* line = pixGetData(grey) + std::ptrdiff_t{y} * pixGetWpl(grey);
    SET_DATA_BYTE(line, x, channels.largest);
  });
}

}  // namespace

Light light_of(Pix* grey) {
  const PixPointer tiles = paper_of_tiles(grey);
  if (!tiles) return Light::kEven;
  const int width = pixGetWidth(tiles.get()), height = pixGetHeight(tiles.get());
  if (width < 8 || height < 8) return Light::kEven;
  std::vector<int> papers;
  papers.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  int pairs = 0, steep = 0;
  const auto compare = [&](int a, int b) {
    ++pairs;
    const auto most = static_cast<float>(std::max(a, b));
    steep += static_cast<float>(std::min(a, b)) < (1 - kGradual) * most ? 1 : 0;
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      papers.push_back(value_at(tiles.get(), x, y));
      if (x > 0) compare(papers.back(), papers[papers.size() - 2]);
      if (y > 0) {
        compare(papers.back(), papers[papers.size() - 1 - static_cast<std::size_t>(width)]);
      }
    }
  }
  std::sort(papers.begin(), papers.end());
  const auto at = [&](double share) {
    return static_cast<float>(
        papers[static_cast<std::size_t>(share * static_cast<double>(papers.size() - 1))]);
  };
  if (at(0.05) >= kEvenLight * at(0.95)) return Light::kEven;
  return static_cast<float>(steep) <= kSteepAtMost * static_cast<float>(pairs) ? Light::kFallsOff
                                                                               : Light::kAbrupt;
}

Pix* with_even_ground(Pix* grey) {
  return pixBackgroundNormMorph(grey, nullptr, kReduction, kClosingSize, kPaperGrey);
}

void remove_markers(const image::Image& image, Pix* grey) {
  const PixPointer mask = marked_places(image);
  if (!mask) return;
  Boxa* boxes = pixConnCompBB(mask.get(), 8);
  for (int i = 0; boxes != nullptr && i < boxaGetCount(boxes); ++i) {
    Place place;
    boxaGetBoxGeometry(boxes, i, &place.left, &place.top, &place.width, &place.height);
    remove_marker(image, mask.get(), place, grey);
  }
  boxaDestroy(&boxes);
}

}  // namespace oko::ocr

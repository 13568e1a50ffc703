#include "ocr/desk.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "ocr/ground.h"

namespace oko::ocr {
namespace {

constexpr int kPixelsOfMask = 4;    // across and down, of the picture
constexpr int kPrint = 15;          // pixels of the mask: print and rules are thinner
constexpr float kInk = 0.6f;        // of a desk's grey: print on it is darker
constexpr float kLeastPage = 0.1f;  // of the picture
constexpr float kLargestPage = 0.97f;
constexpr float kLeastSolid = 0.95f;  // of the place between the first and last pixels of lines
constexpr float kMostInk = 0.2f;      // of a page
constexpr float kLevel = 0.98f;       // of the rectangle around the page
constexpr int kStrayLetters = 12;     // grain may look like as many
constexpr int kSmallestLetter = 6;    // pixels

/// The pixels of a row or column of a mask.
struct Extent {
  int first = -1, last = -1, count = 0;

  void add(int at) {
    if (first < 0) first = at;
    last = at;
    ++count;
  }
  int length() const { return last < 0 ? 0 : last - first + 1; }
};

/// True if rows and columns have hardly any gaps.
bool is_solid(Pix* mask) {
  const int width = pixGetWidth(mask), height = pixGetHeight(mask);
  std::vector<Extent> rows(static_cast<std::size_t>(height)),
      columns(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    l_uint32* line = pixGetData(mask) + std::ptrdiff_t{y} * pixGetWpl(mask);
    for (int x = 0; x < width; ++x) {
      if (GET_DATA_BIT(line, x) == 0) continue;
      rows[static_cast<std::size_t>(y)].add(x);
      columns[static_cast<std::size_t>(x)].add(y);
    }
  }
  for (const std::vector<Extent>& lines : {rows, columns}) {
    int within = 0, filled = 0;
    for (const Extent& line : lines) {
      within += line.length();
      filled += line.count;
    }
    if (static_cast<float>(filled) < kLeastSolid * static_cast<float>(within)) return false;
  }
  return true;
}

/// The largest component, its holes filled.
PixPointer largest_part(Pix* mask) {
  Pixa* parts = nullptr;
  Boxa* boxes = pixConnComp(mask, &parts, 4);
  int most = 0, largest = -1;
  for (int i = 0; boxes != nullptr && i < boxaGetCount(boxes); ++i) {
    const PixPointer part(pixaGetPix(parts, i, L_CLONE));
    int count = 0;
    if (!part || pixCountPixels(part.get(), &count, nullptr) != 0 || count <= most) continue;
    most = count;
    largest = i;
  }
  PixPointer result;
  if (largest >= 0) {
    result.reset(pixCreateTemplate(mask));
    const PixPointer part(pixaGetPix(parts, largest, L_CLONE));
    int left = 0, top = 0, width = 0, height = 0;
    boxaGetBoxGeometry(boxes, largest, &left, &top, &width, &height);
    if (result) {
      pixRasterop(result.get(), left, top, width, height, PIX_SRC, part.get(), 0, 0);
      const PixPointer holes(pixHolesByFilling(result.get(), 4));
      if (holes) pixOr(result.get(), result.get(), holes.get());
    }
  }
  boxaDestroy(&boxes);
  pixaDestroy(&parts);
  return result;
}

float mean_under(Pix* grey, Pix* mask) {
  float mean = 0;
  pixGetAverageMasked(grey, mask, 0, 0, 1, L_MEAN_ABSVAL, &mean);
  return mean;
}

/// The area of a page, and the greys that separate it from its desk.
struct PageOnDesk {
  PixPointer mask;    ///< ones on the page, a pixel for kPixelsOfMask of the picture; null: no page
  int threshold = 0;  ///< the least grey of paper
  int ink = 0;        ///< above all greys of print on the desk
};

/// Paper and desk without print, a pixel for kPixelsOfMask of the picture; null if it is too small.
PixPointer ground_of(Pix* grey) {
  PixPointer small(pixScaleGrayMinMax(grey, kPixelsOfMask, kPixelsOfMask, L_CHOOSE_MAX));
  if (small) small.reset(pixCloseGray(small.get(), kPrint, kPrint));
  const bool is_large =
      small && std::min(pixGetWidth(small.get()), pixGetHeight(small.get())) >= 2 * kPrint;
  return is_large ? std::move(small) : nullptr;
}

float share_of(Pix* mask) {
  float share = 0;
  pixForegroundFraction(mask, &share);
  return share;
}

PageOnDesk page_of(Pix* grey) {
  const PixPointer ground = ground_of(grey);
  if (!ground) return {};
  Pix* dark = nullptr;
  pixOtsuAdaptiveThreshold(ground.get(), pixGetWidth(ground.get()), pixGetHeight(ground.get()), 0,
                           0, 0.0f, nullptr, &dark);
  const PixPointer desk(dark);
  PixPointer page(desk ? pixInvert(nullptr, desk.get()) : nullptr);
  if (page) page = largest_part(page.get());
  if (page) page.reset(pixErodeBrick(nullptr, page.get(), 3, 3));
  if (!page) return {};
  const float share = share_of(page.get());
  if (share < kLeastPage || share > kLargestPage || !is_solid(page.get())) return {};
  const PixPointer around(pixInvert(nullptr, page.get()));
  const float light = mean_under(ground.get(), page.get());
  const float rest = mean_under(ground.get(), around.get());
  return {std::move(page), static_cast<int>((light + rest) / 2), static_cast<int>(kInk * rest)};
}

/// Ones outside the page of the picture.
PixPointer around(Pix* grey, Pix* page) {
  PixPointer result(pixCreate(pixGetWidth(grey), pixGetHeight(grey), 1));
  const PixPointer whole(pixExpandReplicate(page, kPixelsOfMask));
  if (!result || !whole) return nullptr;
  // The mask may lack pixels at the right and lower edges.
  pixRasterop(result.get(), 0, 0, pixGetWidth(whole.get()), pixGetHeight(whole.get()), PIX_SRC,
              whole.get(), 0, 0);
  pixInvert(result.get(), result.get());
  return result;
}

/// Counts the components of a binary picture that have the shape of letters.
int count_letters(Pix* binary) {
  Boxa* boxes = pixConnCompBB(binary, 8);
  int letters = 0;
  for (int i = 0; boxes != nullptr && i < boxaGetCount(boxes); ++i) {
    int width = 0, height = 0;
    boxaGetBoxGeometry(boxes, i, nullptr, nullptr, &width, &height);
    letters += height >= kSmallestLetter && width <= 4 * height && height <= 8 * width ? 1 : 0;
  }
  boxaDestroy(&boxes);
  return letters;
}

/// Dark places of a picture.
PixPointer dark_of(Pix* grey, int threshold) {
  PixPointer dark(pixThresholdToBinary(grey, threshold));
  if (!dark) throw std::bad_alloc();
  return dark;
}

}  // namespace

PixPointer without_desk(Pix* grey) {
  const PageOnDesk page = page_of(grey);
  const PixPointer desk = page.mask ? around(grey, page.mask.get()) : nullptr;
  if (!desk) return nullptr;
  const PixPointer ink = dark_of(grey, page.threshold);
  pixSubtract(ink.get(), ink.get(), desk.get());
  if (share_of(ink.get()) > kMostInk * share_of(page.mask.get())) return nullptr;
  const PixPointer alone(pixCopy(nullptr, grey));
  if (!alone) throw std::bad_alloc();
  pixSetMasked(alone.get(), desk.get(), 255);
  return PixPointer(with_even_ground(alone.get()));
}

bool is_page_on_desk(Pix* grey) {
  const PageOnDesk page = page_of(grey);
  const PixPointer desk = page.mask ? around(grey, page.mask.get()) : nullptr;
  if (!desk) return false;
  ::Box* box = nullptr;
  int width = 0, height = 0, count = 0;
  if (pixClipToForeground(page.mask.get(), nullptr, &box) != 0) return false;
  boxGetGeometry(box, nullptr, nullptr, &width, &height);
  boxDestroy(&box);
  pixCountPixels(page.mask.get(), &count, nullptr);
  if (static_cast<float>(count) > kLevel * static_cast<float>(width * height)) return false;
  const PixPointer dark = dark_of(grey, page.ink), light = dark_of(grey, page.threshold);
  pixInvert(light.get(), light.get());
  for (Pix* const print : {dark.get(), light.get()}) {
    pixAnd(print, print, desk.get());
    if (count_letters(print) > kStrayLetters) return false;
  }
  return true;
}

}  // namespace oko::ocr

#include "document/pdf_visibility.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>

#include "document/pixel_box.h"
#include "document/stretch.h"
#include "image/image.h"

namespace oko::document {
namespace {

float area(const Box& box) {
  return std::max(0.0f, box.width) * std::max(0.0f, box.height);
}

/// True if at least half of `box` lies in `other`.
bool lies_in(const Box& box, const Box& other) {
  const float width =
      overlap({box.left, box.left + box.width}, {other.left, other.left + other.width});
  const float height =
      overlap({box.top, box.top + box.height}, {other.top, other.top + other.height});
  return width > 0 && height > 0 && 2 * width * height >= area(box);
}

FS_RECTF moved(const FS_RECTF& place, const FS_MATRIX& by) {
  const auto x = [&](float left, float up) { return by.a * left + by.c * up + by.e; };
  const auto y = [&](float left, float up) { return by.b * left + by.d * up + by.f; };
  const auto [left, top, right, bottom] = place;
  const auto across = std::minmax({x(left, top), x(right, top), x(left, bottom), x(right, bottom)});
  const auto up = std::minmax({y(left, top), y(right, top), y(left, bottom), y(right, bottom)});
  return {across.first, up.second, across.second, up.first};
}

FS_MATRIX product(const FS_MATRIX& first, const FS_MATRIX& second) {
  return {first.a * second.a + first.b * second.c,
          first.a * second.b + first.b * second.d,
          first.c * second.a + first.d * second.c,
          first.c * second.b + first.d * second.d,
          first.e * second.a + first.f * second.c + second.e,
          first.e * second.b + first.f * second.d + second.f};
}

/// The objects of a page and of its forms in the order in which they are painted.
class Painting {
 public:
  Painting(FPDF_PAGE page, const PageToPicture& to_picture, const Box& whole)
      : to_picture_(to_picture), whole_(whole) {
    for (int i = 0; i < FPDFPage_CountObjects(page); ++i) add(FPDFPage_GetObject(page, i), {}, 0);
    for (int i = 0; i < FPDFPage_GetAnnotCount(page); ++i) {
      const PdfiumAnnotation annotation(FPDFPage_GetAnnot(page, i));
      FS_RECTF place{};
      const int kind = annotation ? FPDFAnnot_GetSubtype(annotation.get()) : kPdfAnnotationLink;
      const bool covers = kind != kPdfAnnotationLink && kind != kPdfAnnotationPopup;
      if (covers && FPDFAnnot_GetRect(annotation.get(), &place)) add_cover(place);
    }
  }

  const std::map<const void*, std::size_t>& texts() const { return texts_; }

  bool is_covered(const TextPiece& piece) const {
    const auto text = texts_.find(piece.object);
    if (text == texts_.end()) return false;
    const auto later = std::ranges::upper_bound(covers_, text->second, {}, &Cover::number);
    return std::any_of(later, covers_.end(),
                       [&](const Cover& each) { return lies_in(piece.box, each.box); });
  }

  bool is_of_scan(const TextPiece& piece) const {
    return std::ranges::any_of(scans_, [&](const Box& each) { return lies_in(piece.box, each); });
  }

 private:
  struct Cover {
    std::size_t number;
    Box box;
  };
  static constexpr std::size_t kMostCovers = 2000;
  static constexpr int kDeepestForm = 8;

  void add(FPDF_PAGEOBJECT object, const FS_MATRIX& matrix, int depth) {
    ++number_;
    const int type = FPDFPageObj_GetType(object);
    if (type == kPdfObjectText) {
      texts_.emplace(object, number_);
      return;
    }
    if (type == kPdfObjectForm) {
      FS_MATRIX own{};
      if (depth == kDeepestForm || !FPDFPageObj_GetMatrix(object, &own)) return;
      const FS_MATRIX inner = product(own, matrix);
      const int count = FPDFFormObj_CountObjects(object);
      for (int i = 0; i < count; ++i) {
        add(FPDFFormObj_GetObject(object, static_cast<unsigned long>(i)), inner, depth + 1);
      }
      return;
    }
    FS_RECTF place{};
    int fill = 0, stroke = 0;
    const bool covers =
        type != kPdfObjectPath || (FPDFPath_GetDrawMode(object, &fill, &stroke) && fill != 0);
    if (covers &&
        FPDFPageObj_GetBounds(object, &place.left, &place.bottom, &place.right, &place.top)) {
      add_cover(moved(place, matrix), type == kPdfObjectImage);
    }
  }

  /// Adds a cover. A picture of half of the page, alone or with earlier ones, is a scan instead.
  void add_cover(const FS_RECTF& place, bool is_picture = false) {
    if (!is_finite(place)) return;
    const Box box = to_picture_.box(place);
    if (is_picture && 2 * area(box) >= area(whole_)) {
      scans_.push_back(box);
    } else if (!texts_.empty() && covers_.size() < kMostCovers) {
      covers_.push_back({number_, box});
    }
  }

  const PageToPicture& to_picture_;
  Box whole_;
  std::size_t number_ = 0;
  std::map<const void*, std::size_t> texts_;  ///< their numbers
  std::vector<Cover> covers_;                 ///< by number; those before all text are left out
  std::vector<Box> scans_;
};

enum class Look {
  kPlain,
  kPale,   ///< its colour or opacity may hide it
  kClips,  ///< its letters clip later content
};

Look look_of(FPDF_PAGEOBJECT text) {
  constexpr unsigned kLight = 216, kClear = 32;
  constexpr int kFirstClip = kPdfInvisible + 1;
  unsigned red = 0, green = 0, blue = 0, opacity = 255;
  if (FPDFTextObj_GetTextRenderMode(text) >= kFirstClip) return Look::kClips;
  if (!FPDFPageObj_GetFillColor(text, &red, &green, &blue, &opacity)) return Look::kPlain;
  return std::min({red, green, blue}) >= kLight || opacity < kClear ? Look::kPale : Look::kPlain;
}

image::Image drawn(FPDF_PAGE page, int width, int height) {
  image::Image image{width, height, {}, 0};
  const std::size_t row_bytes = std::size_t{3} * static_cast<std::size_t>(width);
  image.rgb.assign(row_bytes * static_cast<std::size_t>(height), 255);
  const PdfiumBitmap bitmap(FPDFBitmap_CreateEx(width, height, kPdfBitmapBgr, image.rgb.data(),
                                                static_cast<int>(row_bytes)));
  if (bitmap)
    FPDF_RenderPageBitmap(bitmap.get(), page, 0, 0, width, height, 0, kPdfDrawAnnotations);
  return image;
}

/// True if a pixel of a box differs clearly from the one of `other`.
template <typename Other>
bool differs(const image::Image& image, const PixelBox& box, const Other& other) {
  constexpr int kClearly = 10;
  for (int y = box.top; y < box.bottom; ++y) {
    for (int x = box.left; x < box.right; ++x) {
      const std::size_t at =
          3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
               static_cast<std::size_t>(x));
      for (std::size_t i = 0; i < 3; ++i) {
        if (std::abs(int{image.rgb[at + i]} - int{other(at, i)}) > kClearly) return true;
      }
    }
  }
  return false;
}

}  // namespace

void mark_unseen(FPDF_PAGE page, const PageToPicture& to_picture, int width, int height,
                 double resolution, bool has_layers, std::vector<TextPiece>& pieces) {
  constexpr double kResolution = 100;  // enough to see letters of 4 points
  constexpr double kMost = 4e6;        // pixels
  const Painting painting(page, to_picture,
                          {0, 0, static_cast<float>(width), static_cast<float>(height)});
  std::vector<TextPiece*> doubtful;
  std::map<const void*, Look> looks;
  for (TextPiece& piece : pieces) {
    const auto [known, is_new] = looks.try_emplace(piece.object, Look::kPlain);
    if (is_new) known->second = look_of(static_cast<FPDF_PAGEOBJECT>(piece.object));
    if (known->second == Look::kClips) continue;
    const bool is_doubtful = piece.is_painted && (known->second == Look::kPale || has_layers);
    if (is_doubtful || painting.is_covered(piece)) doubtful.push_back(&piece);
  }
  if (doubtful.empty()) return;
  const double pixels_of_page = static_cast<double>(width) * height;
  const double scale = std::min({1.0, kResolution / resolution, std::sqrt(kMost / pixels_of_page)});
  const auto scaled = [&](int pixels) { return std::max(1, static_cast<int>(pixels * scale)); };
  const image::Image with_text = drawn(page, scaled(width), scaled(height));
  const auto show_text = [&](int shown) {
    for (const auto& [text, number] : painting.texts()) {
      FPDFPageObj_SetIsActive(static_cast<FPDF_PAGEOBJECT>(const_cast<void*>(text)), shown);
    }
  };
  show_text(0);
  const image::Image without_text = drawn(page, scaled(width), scaled(height));
  show_text(1);
  for (TextPiece* piece : doubtful) {
    const auto by = static_cast<float>(scale);
    const Box& box = piece->box;
    const PixelBox pixels =
        pixels_of({box.left * by, box.top * by, box.width * by, box.height * by}, 0, with_text);
    if (pixels.left >= pixels.right || pixels.top >= pixels.bottom) continue;
    if (differs(with_text, pixels,
                [&](std::size_t at, std::size_t i) { return without_text.rgb[at + i]; })) {
      continue;
    }
    const std::size_t first =
        3 * (static_cast<std::size_t>(pixels.top) * static_cast<std::size_t>(with_text.width) +
             static_cast<std::size_t>(pixels.left));
    const bool is_blank = !differs(
        with_text, pixels, [&](std::size_t, std::size_t i) { return with_text.rgb[first + i]; });
    const bool is_layer = !piece->is_painted || painting.is_of_scan(*piece);
    piece->is_seen = is_layer && !(is_blank && painting.is_covered(*piece));
  }
}

}  // namespace oko::document

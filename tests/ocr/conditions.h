#pragma once

#include <leptonica/allheaders.h>

#include <algorithm>
#include <cstdint>
#include <numbers>

#include "image/image.h"
#include "ocr/preparation.h"

/// The effects of cameras, scanners and faxes on a page, as in tools/ocr/conditions.py.
namespace oko::ocr {

inline PixPointer grey_pix(const image::Image& image) {
  PixPointer pix(pixCreate(image.width, image.height, 8));
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const auto at = static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                      static_cast<std::size_t>(x);
      pixSetPixel(pix.get(), x, y, image.rgb[3 * at]);
    }
  }
  return pix;
}

inline image::Image image_of(Pix* grey) {
  image::Image image{pixGetWidth(grey), pixGetHeight(grey), {}};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      l_uint32 value = 0;
      pixGetPixel(grey, x, y, &value);
      image.rgb.insert(image.rgb.end(), 3, static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

/// Turns a page by quarters of a circle, clockwise.
inline image::Image quarter_turned(const image::Image& image, int turns) {
  return image_of(PixPointer(pixRotateOrth(grey_pix(image).get(), turns)).get());
}

/// Turns a page clockwise; the page grows.
inline image::Image tilted(const image::Image& image, float degrees) {
  const float radians = degrees * std::numbers::pi_v<float> / 180;
  return image_of(PixPointer(pixRotate(grey_pix(image).get(), radians, L_ROTATE_AREA_MAP,
                                       L_BRING_IN_WHITE, image.width, image.height))
                      .get());
}

/// A page photographed from the right: the left side is `far` as long as the right one. The area
/// beyond the picture has the grey `beyond`.
inline image::Image at_an_angle(const image::Image& image, float far, int beyond = 255) {
  const auto width = static_cast<float>(image.width), height = static_cast<float>(image.height);
  const float gap = height * (1 - far) / 2;
  Pta* from = ptaCreate(4);
  Pta* to = ptaCreate(4);
  for (const float x : {0.0f, width}) {
    for (const float y : {0.0f, height}) {
      ptaAddPt(from, x, y);
      ptaAddPt(to, x, x > 0 ? y : y > 0 ? height - gap : gap);
    }
  }
  const PixPointer photo(
      pixProjectivePtaGray(grey_pix(image).get(), to, from, static_cast<l_uint8>(beyond)));
  ptaDestroy(&from);
  ptaDestroy(&to);
  return image_of(photo.get());
}

/// A page on a larger grey desk with a grain.
inline image::Image on_desk(const image::Image& image, int desk) {
  constexpr int kEdge = 160;
  image::Image result{image.width + 2 * kEdge, image.height + 2 * kEdge, {}};
  for (int y = -kEdge; y < image.height + kEdge; ++y) {
    for (int x = -kEdge; x < image.width + kEdge; ++x) {
      const bool is_page = y >= 0 && y < image.height && x >= 0 && x < image.width;
      const auto at = static_cast<std::size_t>(std::ptrdiff_t{y} * image.width + x);
      const int grey =
          is_page ? image.rgb[3 * at] * 235 / 255 : desk + 5 * ((x + 3 * y + 4 * kEdge) % 7 - 3);
      result.rgb.insert(result.rgb.end(), 3, static_cast<std::uint8_t>(grey));
    }
  }
  return result;
}

/// Light falls off to `least` from left to right.
inline image::Image shaded(image::Image image, double least) {
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    const double across =
        static_cast<double>(i / 3 % static_cast<std::size_t>(image.width)) / image.width;
    image.rgb[i] =
        static_cast<std::uint8_t>((30 + image.rgb[i] * 225.0 / 255) * (1 - (1 - least) * across));
  }
  return image;
}

/// A stroke of a marker over a rectangle, which absorbs some of each colour.
inline image::Image marked(image::Image image, const document::Box& box,
                           const std::uint8_t (&colour)[3]) {
  for (auto y = static_cast<int>(box.top); y < box.top + box.height; ++y) {
    for (auto x = static_cast<int>(box.left); x < box.left + box.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        auto& value =
            image.rgb[static_cast<std::size_t>(3 * (std::ptrdiff_t{y} * image.width + x) + c)];
        value = static_cast<std::uint8_t>(value * colour[c] / 255);
      }
    }
  }
  return image;
}

inline image::Image part(const image::Image& image, int left, int top, int width, int height) {
  image::Image result{width, height, {}};
  for (int y = top; y < top + height; ++y) {
    const auto row = image.rgb.begin() + 3 * (std::ptrdiff_t{y} * image.width + left);
    result.rgb.insert(result.rgb.end(), row, row + 3 * std::ptrdiff_t{width});
  }
  return result;
}

}  // namespace oko::ocr

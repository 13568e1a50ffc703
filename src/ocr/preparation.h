#pragma once

#include <leptonica/allheaders.h>

#include <memory>
#include <optional>
#include <vector>

#include "document/page.h"
#include "image/image.h"

namespace oko::ocr {

struct PixDeleter {
  void operator()(Pix* pix) const { pixDestroy(&pix); }
};
using PixPointer = std::unique_ptr<Pix, PixDeleter>;

/// Approximate dots an inch of a prepared picture.
inline constexpr int kPreparedResolution = 300;

/// Side of the sample that is read to find the upright direction of a page, in pixels.
inline constexpr int kSampleSide = 560;

/// A place in pixels from the middle of a picture.
struct Point {
  float x = 0, y = 0;
};

/// Makes lines that meet in one point parallel and level.
struct Projection {
  float slope = 0;       ///< of the line through the middle, downwards
  float converging = 0;  ///< change of a line's slope per pixel downwards
  float zoom = 1;

  /// A place of the original on the levelled picture.
  Point levelled(const Point& at) const;

  /// A place of the levelled picture on the original.
  Point original(const Point& at) const;
};

/// A picture prepared for recognition: grey, its letters of a good size, its lines level.
struct PreparedPicture {
  PixPointer pix;                        ///< 8 bits a pixel
  PixPointer grey;                       ///< before it was turned and levelled
  PixPointer small;                      ///< before it was enlarged; null if it was not
  PixPointer on_desk;                    ///< of the original's size; null if no desk was removed
  float scale = 1;                       ///< its pixels for one of the original
  int quarter_turns = 0;                 ///< the first step of levelling, clockwise
  std::optional<Projection> projection;  ///< the second step
  float angle = 0;                       ///< the third step: radians, clockwise, about its centre
  int width = 0;                         ///< of the original
  int height = 0;                        ///< of the original
  int letters = 0;                       ///< components that could be letters; 0: there is no ink
  bool is_even = false;                  ///< its paper has one grey everywhere
  std::vector<document::Box> ruling_lines;  ///< upright lines, as of tables, in pixels of `pix`

  /// True if the middle of a rectangle in `pix` is on such a line.
  bool is_ruling_line(const document::Box& box) const;

  /// The smallest rectangle of the original around a rectangle in `pix`.
  document::Box in_original(const document::Box& box) const;

  bool is_unturned() const { return quarter_turns == 0 && !projection && angle == 0; }

  /// A rectangle of `other`, the same picture at another scale, in this one; neither is turned.
  document::Box of_unturned(const PreparedPicture& other, const document::Box& box) const;
};

/// Makes the picture grey, dark letters on a light ground, scales it so that its small letters (the
/// median of connected components) are some 20 pixels tall, and turns it by up to 20 degrees if its
/// lines slope. Makes converging lines parallel and uneven light even, removes strokes of a marker
/// and the desk around a sheet, and adds a margin to print at the edge.
PreparedPicture prepare(const image::Image& image);

/// True if its connected components are placed like letters, readable or not (text_likeness.h).
bool may_have_text(const PreparedPicture& picture);

/// The same picture turned by quarters of a circle, clockwise, and levelled again.
PreparedPicture turned(const PreparedPicture& picture, int quarter_turns);

/// The picture before it was enlarged, levelled.
PreparedPicture unenlarged(const PreparedPicture& picture);

/// The picture with the desk around the page: `on_desk` of one that was prepared.
PreparedPicture with_desk(PixPointer on_desk);

/// The same picture with its paper made even locally.
PreparedPicture evened(const PreparedPicture& picture);

/// The same picture without the desk around its page, if there is one; not turned.
std::optional<PreparedPicture> page_alone(const PreparedPicture& picture);

/// The part of the picture with the most letters, kSampleSide wide and high or less, as a picture
/// of its own.
PreparedPicture sample_of(const PreparedPicture& picture);

}  // namespace oko::ocr

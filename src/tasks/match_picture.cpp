#include "tasks/match_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/input_file.h"
#include "base/localized_text.h"
#include "document/pdf.h"
#include "image/fit.h"
#include "image/picture_file.h"
#include "image/resize.h"

namespace oko::tasks {
namespace {

// Heights of a line with its ascents and descents, in pixels: easily read, and just so.
constexpr double kReadableLine = 28, kLeastLine = 14;
constexpr double kPdfResolution = 150;
constexpr std::uint64_t kMostPixels = 16'000'000;  // of the decoded page
constexpr int kFrame = 2;                          // pixels, the box and its distance
constexpr std::array<std::uint8_t, 3> kFrameColour{230, 30, 30};

/// The page, upright, at any size.
image::Image decoded_page(const InputFile& file, const index::Document& document, int page,
                          const MatchPictureOptions& how) {
  document::PageDecoder* decoder = how.decoder;
  if (document.kind == index::DocumentKind::kPdf) {
    constexpr std::uint64_t kBytesPerPixel = 6;
    const document::PdfOptions options{
        .resolution = kPdfResolution,
        .max_pixels = std::clamp<std::uint64_t>(how.memory_bytes / kBytesPerPixel, 1, kMostPixels)};
    if (decoder == nullptr) return document::Pdf(file, options).render(page);
    return decoder->read_page(file, options, page, {.always_draws = true}).image;
  }
  const auto header_of = [&](const image::Limits& limits) {
    return decoder == nullptr ? image::read_header(file, limits, page)
                              : decoder->read_header(file, limits, page);
  };
  const image::Fitted fitted =
      image::fit(header_of, how.memory_bytes, [](const image::Header& header) {
        const std::uint64_t pixels =
            static_cast<std::uint64_t>(header.width) * static_cast<std::uint64_t>(header.height);
        return pixels > kMostPixels ? UINT64_MAX : header.decode_bytes;
      });
  return decoder == nullptr ? image::load(file, fitted.limits, page)
                            : decoder->load(file, fitted.limits, page);
}

/// The box in pixels of a page, not empty and inside of it.
PixelRect pixels_of(const index::PageBox& box, int width, int height) {
  const auto at = [](float part, int side) {
    return static_cast<int>(std::lround(std::clamp(part, 0.0f, 1.0f) * static_cast<float>(side)));
  };
  PixelRect rect;
  rect.left = std::min(at(box.left, width), width - 1);
  rect.top = std::min(at(box.top, height), height - 1);
  rect.width = std::max(at(box.left + box.width, width) - rect.left, 1);
  rect.height = std::max(at(box.top + box.height, height) - rect.top, 1);
  return rect;
}

/// Of lines that run from top to bottom, too.
int line_height_of(const index::Chunk& chunk, const image::Image& page, const PixelRect& box) {
  std::vector<int> heights;
  for (const index::LinePlace& line : chunk.lines) {
    const PixelRect rect = pixels_of(line.box, page.width, page.height);
    heights.push_back(std::min(rect.width, rect.height));
  }
  if (heights.empty()) return box.height;
  const auto middle = heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2);
  std::nth_element(heights.begin(), middle, heights.end());
  return *middle;
}

image::Image cut(const image::Image& page, const PixelRect& part) {
  image::Image result;
  result.width = part.width;
  result.height = part.height;
  const auto bytes = [](int pixels) { return static_cast<std::size_t>(pixels) * 3; };
  result.rgb.reserve(bytes(part.width) * static_cast<std::size_t>(part.height));
  for (int y = part.top; y < part.top + part.height; ++y) {
    const std::uint8_t* row =
        page.rgb.data() + bytes(page.width) * static_cast<std::size_t>(y) + bytes(part.left);
    result.rgb.insert(result.rgb.end(), row, row + bytes(part.width));
  }
  return result;
}

/// Draws a frame around `box`, as far as it is in the picture.
void draw_frame(image::Image& image, const PixelRect& box) {
  constexpr int kOutside = 2 * kFrame;
  const int right = box.left + box.width, bottom = box.top + box.height;
  for (int y = std::max(box.top - kOutside, 0); y < std::min(bottom + kOutside, image.height);
       ++y) {
    for (int x = std::max(box.left - kOutside, 0); x < std::min(right + kOutside, image.width);
         ++x) {
      const bool is_inside = x >= box.left - kFrame && x < right + kFrame &&
                             y >= box.top - kFrame && y < bottom + kFrame;
      if (is_inside) continue;
      const auto pixel = static_cast<std::ptrdiff_t>(y) * image.width + x;
      std::copy(kFrameColour.begin(), kFrameColour.end(), image.rgb.begin() + 3 * pixel);
    }
  }
}

/// Where a part of a side of the page begins: it has the box in its middle, or the box's first
/// pixels if that is longer, as far as the page allows.
int start_of(int box_start, int box_length, int margin, int length, int side) {
  const int start =
      box_length > length ? box_start - margin : box_start + box_length / 2 - length / 2;
  return std::clamp(start, 0, side - length);
}

void require_as_indexed(const InputFile& file, const index::Document& document) {
  const FileIdentity& identity = file.identity();
  if (identity.size == document.size_bytes && identity.modified_ns == document.modified_ns) return;
  throw Error(
      ErrorCode::kBadInput,
      tr("{}: has changed since it was indexed", "{}: изменён после индексации", document.path),
      tr("index it again: oko index", "проиндексируйте его снова: oko index"));
}

}  // namespace

MatchView view_of_match(int width, int height, const PixelRect& box, int line_height,
                        const MatchPictureOptions& options) {
  const double max_width = options.max_width, max_height = options.max_height;
  const int margin = line_height + line_height / 2;
  const double wanted_width = std::min<double>(box.width + 2 * margin, width);
  const double wanted_height = std::min<double>(box.height + 2 * margin, height);
  const double whole = std::min({1.0, max_width / width, max_height / height});
  const double fits = std::min(max_width / wanted_width, max_height / wanted_height);
  const double readable = std::min(kReadableLine / line_height, 1.0);
  const double least = std::min(kLeastLine / line_height, 1.0);
  MatchView view;
  view.scale = std::max({whole, least, std::min(fits, readable)});
  const auto side = [&](double shown, int all) {
    return std::clamp(static_cast<int>(shown / view.scale), 1, all);
  };
  view.part.width = side(max_width, width);
  view.part.height = side(max_height, height);
  view.part.left = start_of(box.left, box.width, margin, view.part.width, width);
  view.part.top = start_of(box.top, box.height, margin, view.part.height, height);
  return view;
}

image::Image picture_of_match(const index::Document& document, const index::Chunk& chunk,
                              const std::optional<index::PageBox>& box,
                              const MatchPictureOptions& options) {
  const InputFile file(document.path, ErrorCode::kBadInput);
  require_as_indexed(file, document);
  const image::Image page = file.unchanged(
      [&] { return decoded_page(file, document, std::max(chunk.page, 1) - 1, options); });
  const PixelRect framed =
      box ? pixels_of(*box, page.width, page.height) : PixelRect{0, 0, page.width, page.height};
  const MatchView view =
      view_of_match(page.width, page.height, framed,
                    box ? line_height_of(chunk, page, framed) : page.height, options);
  const auto scaled = [&](int pixels) {
    return static_cast<int>(std::lround(pixels * view.scale));
  };
  image::Image picture = cut(page, view.part);
  if (view.scale < 1) {
    picture = image::resize_bicubic(picture, std::max(scaled(view.part.width), 1),
                                    std::max(scaled(view.part.height), 1));
  }
  if (box) {
    draw_frame(picture, {scaled(framed.left - view.part.left), scaled(framed.top - view.part.top),
                         scaled(framed.width), scaled(framed.height)});
  }
  return picture;
}

}  // namespace oko::tasks

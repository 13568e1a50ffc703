#include "document/pdf_pictures.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "document/deflate.h"
#include "document/jbig2.h"
#include "document/pixel_box.h"
#include "image/jpeg.h"

namespace oko::document {
namespace {

/// True if all pixels of a box are alike; `only_black`: and black.
bool is_blank(const image::Image& image, const PixelBox& box, bool only_black = false) {
  const auto pixel = [&](int x, int y) {
    return &image.rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                       static_cast<std::size_t>(x)) *
                      3];
  };
  const std::uint8_t* first = pixel(box.left, box.top);
  if (only_black && (first[0] | first[1] | first[2]) != 0) return false;
  for (int y = box.top; y < box.bottom; ++y) {
    for (int x = box.left; x < box.right; ++x) {
      if (!std::equal(first, first + 3, pixel(x, y))) return false;
    }
  }
  return true;
}

constexpr int kMostChecked = 1000;  // pictures of a page

/// The last filter of a picture, which tells its kind; empty: none.
std::string last_filter(FPDF_PAGEOBJECT image) {
  std::array<char, 24> filter{};
  const int count = FPDFImageObj_GetImageFilterCount(image);
  if (count > 0) FPDFImageObj_GetImageFilter(image, count - 1, filter.data(), filter.size());
  return filter.data();
}

/// The data as stored, or decoded up to the filter of its kind.
template <typename Get>
std::string data_of(Get get, FPDF_PAGEOBJECT image) {
  std::string bytes(get(image, nullptr, 0), '\0');
  get(image, bytes.data(), bytes.size());
  return bytes;
}

/// True if zlib cannot inflate the picture, or if its data break off.
bool is_broken_deflate(FPDF_PAGEOBJECT image) {
  const std::string bytes = data_of(FPDFImageObj_GetImageDataRaw, image);
  std::string ignored;
  return is_damaged_deflate(std::as_bytes(std::span(bytes)), 0, ignored);
}

/// True if pixels without a filter of their own lack rows. PDFium does not tell the bits of a
/// stored pixel, so data that fit fewer bits exactly are complete.
bool lacks_rows(FPDF_PAGEOBJECT image, FPDF_PAGE page) {
  constexpr std::array<std::uint64_t, 9> kBits = {1, 2, 3, 4, 6, 8, 12, 16, 24};
  constexpr std::uint64_t kCmykBits = 32, kBehind = 16;  // bytes behind the pixels
  constexpr double kWhole = 0.99;                        // of the bytes
  FPDF_IMAGEOBJ_METADATA data{};
  if (!FPDFImageObj_GetImageMetadata(image, page, &data) || data.bits_per_pixel == 0) return false;
  const std::uint64_t bits = data.colorspace == kPdfCmyk ? kCmykBits : data.bits_per_pixel;
  const auto size_of = [&](std::uint64_t each) {
    return (data.width * each + 7) / 8 * data.height;
  };
  const std::uint64_t size = FPDFImageObj_GetImageDataDecoded(image, nullptr, 0);
  if (static_cast<double>(size) >= kWhole * static_cast<double>(size_of(bits))) return false;
  return std::ranges::none_of(kBits, [&](std::uint64_t each) {
    return each < bits && size >= size_of(each) && size <= size_of(each) + kBehind;
  });
}

/// True if data of a picture are missing or wrong: PDFium draws the rest without an error.
bool has_lost_data(FPDF_PAGEOBJECT image, FPDF_PAGE page) {
  const std::string filter = last_filter(image);
  if (filter == "CCITTFaxDecode" || filter == "JPXDecode") return false;
  if (filter == "JBIG2Decode")
    return is_cut_jbig2(data_of(FPDFImageObj_GetImageDataDecoded, image));
  if (filter == "DCTDecode") {
    const std::string bytes = data_of(FPDFImageObj_GetImageDataDecoded, image);
    return image::is_damaged_jpeg(bytes.substr(std::min(bytes.find("\xFF\xD8"), bytes.size())));
  }
  const bool is_deflated = filter == "FlateDecode" && FPDFImageObj_GetImageFilterCount(image) == 1;
  return (is_deflated && is_broken_deflate(image)) || lacks_rows(image, page);
}

/// The same for the pictures of a form and of the forms in it.
bool has_lost_data_in_form(FPDF_PAGEOBJECT form, FPDF_PAGE page, int depth, int& left) {
  constexpr int kDeepest = 8;
  const int count = depth < kDeepest ? FPDFFormObj_CountObjects(form) : 0;
  for (int i = 0; i < count && left > 0; ++i) {
    FPDF_PAGEOBJECT object = FPDFFormObj_GetObject(form, static_cast<unsigned long>(i));
    const int type = FPDFPageObj_GetType(object);
    if (type == kPdfObjectForm && has_lost_data_in_form(object, page, depth + 1, left)) return true;
    if (type == kPdfObjectImage && left-- > 0 && has_lost_data(object, page)) return true;
  }
  return false;
}

/// True if a fax has no sign of its end (ITU-T T.6, 2.4.1.1). One that breaks off has none, and
/// PDFium leaves its rest black; many complete ones have none either.
bool lacks_end_of_fax(FPDF_PAGEOBJECT object) {
  constexpr std::size_t kTail = 16;  // bytes of the sign and its padding
  constexpr std::uint32_t kEnd = 0x001001, kMask = 0xFFFFFF;
  if (last_filter(object) != "CCITTFaxDecode") return false;
  const std::string bytes = data_of(FPDFImageObj_GetImageDataDecoded, object);
  std::uint32_t bits = kMask;
  for (std::size_t i = bytes.size() - std::min(bytes.size(), kTail); i < bytes.size(); ++i) {
    for (int bit = 7; bit >= 0; --bit) {
      bits = (bits << 1 | (static_cast<unsigned char>(bytes[i]) >> bit & 1U)) & kMask;
      if (bits == kEnd) return false;
    }
  }
  return true;
}

/// True if a margin of a fiftieth of a box is black, on any side: the rest of a fax that breaks
/// off.
bool has_black_margin(const image::Image& image, const PixelBox& box) {
  const int across = (box.right - box.left + 49) / 50, down = (box.bottom - box.top + 49) / 50;
  return is_blank(image, {box.left, box.bottom - down, box.right, box.bottom}, true) ||
         is_blank(image, {box.left, box.top, box.right, box.top + down}, true) ||
         is_blank(image, {box.left, box.top, box.left + across, box.bottom}, true) ||
         is_blank(image, {box.right - across, box.top, box.right, box.bottom}, true);
}

}  // namespace

std::optional<FS_RECTF> bounds_of(FPDF_PAGEOBJECT object) {
  FS_RECTF place{};
  if (!FPDFPageObj_GetBounds(object, &place.left, &place.bottom, &place.right, &place.top)) {
    return std::nullopt;
  }
  return is_finite(place) ? std::optional(place) : std::nullopt;
}

bool has_damaged_picture(FPDF_PAGE page, const PageToPicture& to_picture,
                         const image::Image& drawn) {
  constexpr int kMostDecoded = 32;
  int decoded = 0, left = kMostChecked;
  std::map<PixelBox, bool> blank;  // pictures of one place are checked once
  for (int i = 0; i < FPDFPage_CountObjects(page) && decoded < kMostDecoded && left > 0; ++i) {
    FPDF_PAGEOBJECT object = FPDFPage_GetObject(page, i);
    const int type = FPDFPageObj_GetType(object);
    if (type == kPdfObjectForm && has_lost_data_in_form(object, page, 0, left)) return true;
    if (type != kPdfObjectImage) continue;
    --left;
    const std::optional<FS_RECTF> place = bounds_of(object);
    if (!place) continue;
    const PixelBox box = pixels_of(to_picture.box(*place), 0, drawn);
    if (box.left >= box.right || box.top >= box.bottom) continue;
    if (lacks_end_of_fax(object) && has_black_margin(drawn, box)) return true;
    if (has_lost_data(object, page)) return true;
    const auto [known, is_new] = blank.try_emplace(box, false);
    if (is_new) known->second = is_blank(drawn, box);
    if (!known->second) continue;
    ++decoded;
    if (!PdfiumBitmap(FPDFImageObj_GetBitmap(object))) return true;
  }
  return false;
}

}  // namespace oko::document

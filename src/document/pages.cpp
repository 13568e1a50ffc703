#include "document/pages.h"

#include <algorithm>

#include "base/error.h"
#include "base/language.h"
#include "document/judgement.h"
#include "document/merge.h"
#include "image/image.h"
#include "image/jpeg.h"
#include "ocr/footprint.h"

namespace oko::document {
namespace {

constexpr int kJpegQuality = 85;
// Less is no scan: cameras and programs write 72 or 96 without a meaning.
constexpr double kLeastResolution = 100;
constexpr double kMostResolution = 2400;
// Where a picture does not say: its longer side as that of A4, within these bounds.
constexpr double kScreenResolution = 96;
constexpr double kScanResolution = 300;
constexpr double kLongSideOfA4 = 11.69;  // inches
constexpr double kLongestPage = 14'400;  // points, as readers of PDF allow
constexpr double kPointsPerInch = 72;

PagePicture picture_of(const image::Image& image) {
  return {image::encode_jpeg(image, kJpegQuality), image.width, image.height, 0, 0};
}

/// The size on paper of a picture by its resolution, pixels an inch.
void set_paper_size(double resolution, PagePicture& picture) {
  const double longest = std::max(picture.width, picture.height);
  if (!(resolution >= kLeastResolution && resolution <= kMostResolution)) {
    resolution = std::clamp(longest / kLongSideOfA4, kScreenResolution, kScanResolution);
  }
  const double points_per_pixel = std::min(kPointsPerInch / resolution, kLongestPage / longest);
  picture.width_points = picture.width * points_per_pixel;
  picture.height_points = picture.height * points_per_pixel;
}

}  // namespace

Pages::File Pages::file_at(std::string path) {
  File file{std::move(path)};
  try {
    file.is_pdf = is_pdf(file.path);
    file.pages = file.is_pdf ? Pdf(file.path).page_count() : image::page_count(file.path);
    return file;
  } catch (const Error&) {
    return file;
  }
}

Pages::Pages(std::vector<std::string> files) {
  for (std::string& path : files) {
    File file = file_at(std::move(path));
    for (int page = 0; page < file.pages; ++page) pages_.push_back({files_.size(), page});
    files_.push_back(std::move(file));
  }
}

ocr::LoadedPage Pages::load(std::size_t i, PagePicture* picture) {
  const Place place = pages_[i];
  const File& file = files_[place.file];
  if (file.is_pdf) return load_from_pdf(place, picture);
  image::Image image = image::load(file.path, {}, place.page);
  if (picture != nullptr) {
    *picture = picture_of(image);
    set_paper_size(image.resolution, *picture);
  }
  return image;
}

template <typename Use>
auto Pages::with_pdf(std::size_t file, const Use& use) {
  std::unique_ptr<Pdf> pdf = take(file);
  try {
    auto result = use(*pdf);
    give_back(file, std::move(pdf));
    return result;
  } catch (const Error&) {  // of a page
    give_back(file, std::move(pdf));
    throw;
  }
}

std::string Pages::name(std::size_t i) const {
  if (pages_of_file(i) == 1) return file(i);
  return tr("{}, page {}", "{}, страница {}", file(i), page_in_file(i) + 1);
}

PagePicture Pages::blank(std::size_t i) {
  constexpr int kSide = 8;  // pixels: a block of JPEG
  PagePicture picture =
      picture_of({kSide, kSide, std::vector<std::uint8_t>(kSide * kSide * 3, 255)});
  picture.width_points = 210 / 25.4 * kPointsPerInch;
  picture.height_points = 297 / 25.4 * kPointsPerInch;
  const Place place = pages_[i];
  if (!files_[place.file].is_pdf) return picture;
  try {
    const PageSize size =
        with_pdf(place.file, [&](const Pdf& pdf) { return pdf.page_size(place.page); });
    picture.width_points = size.width_points;
    picture.height_points = size.height_points;
    return picture;
  } catch (const Error&) {  // the page has none
    return picture;
  }
}

budget::TagBytes Pages::memory_of(std::size_t i) {
  const Place place = pages_[i];
  int width = 0, height = 0;
  std::uint64_t loading = 0;
  if (files_[place.file].is_pdf) {
    const PageSize size =
        with_pdf(place.file, [&](const Pdf& pdf) { return pdf.page_size(place.page); });
    width = size.width;
    height = size.height;
    loading = 3 * static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  } else {
    const image::Header header = image::read_header(files_[place.file].path, {}, place.page);
    width = header.width;
    height = header.height;
    loading = header.decode_bytes;
  }
  budget::TagBytes bytes;
  bytes[budget::Tag::kOcr] = ocr::reading_bytes(width, height);
  bytes[budget::Tag::kImage] = loading - std::min(loading, bytes[budget::Tag::kOcr]);
  return bytes;
}

ocr::LoadedPage Pages::load_from_pdf(const Place& place, PagePicture* picture) {
  std::optional<ocr::Page> told;
  bool plausible = false;
  std::vector<ocr::Box> pictures;
  image::Image image;
  const PageSize size = with_pdf(place.file, [&](const Pdf& pdf) {
    told = pdf.text_layer(place.page);
    plausible = told && is_plausible(*told);
    if (plausible) pictures = open_places(*told, pdf.pictures(place.page));
    if (!plausible || !pictures.empty() || picture != nullptr) image = pdf.render(place.page);
    return pdf.page_size(place.page);
  });
  if (picture != nullptr) {
    *picture = picture_of(image);
    picture->width_points = size.width_points;
    picture->height_points = size.height_points;
  }
  if (!told) return image;
  if (!plausible) {
    return {std::move(image), [told = std::move(*told)](const ocr::Page& read) {
              if (read.lines.empty()) return doubted(told);
              return agree(told, read) ? told : read;
            }};
  }
  if (pictures.empty() || !shows_more(image, *told, pictures)) return std::move(*told);
  keep_only(pictures, image);
  return {std::move(image),
          [told = std::move(*told)](const ocr::Page& read) { return merged(told, read); }};
}

std::unique_ptr<Pdf> Pages::take(std::size_t file) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(idle_, [&](const auto& each) { return each.first < file; });
    if (!idle_.empty() && idle_.back().first == file) {
      std::unique_ptr<Pdf> pdf = std::move(idle_.back().second);
      idle_.pop_back();
      return pdf;
    }
  }
  return std::make_unique<Pdf>(files_[file].path);
}

void Pages::give_back(std::size_t file, std::unique_ptr<Pdf> pdf) {
  const std::lock_guard lock(mutex_);
  idle_.emplace_back(file, std::move(pdf));
}

}  // namespace oko::document

#include "document/pdf.h"

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page-renderer.h>
#include <poppler-page.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"
#include "document/text_layer.h"
#include "image/sniff.h"

namespace oko::document {
namespace {

constexpr std::size_t kHeadBytes =
    1024;  // where readers look for "%PDF-", and for "%%EOF" at the end
constexpr double kPointsPerInch = 72;
constexpr double kLongestSide = 30'000;  // pixels: Tesseract counts in 16 bits

/// What poppler has found wrong in what this thread let it do. It draws on nevertheless.
thread_local int complaints = 0;

void count_complaint(const std::string&, void*) {
  ++complaints;
}

/// poppler makes colour profiles for the whole process as it draws its first page, without a lock:
/// a blank page of ours is drawn before any thread draws another.
void start_poppler() {
  static std::once_flag once;
  static std::unique_ptr<poppler::document> kept;  // so that poppler's settings stay
  std::call_once(once, [] {
    static constexpr std::string_view kBlank =
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n";
    poppler::set_debug_error_function(count_complaint, nullptr);
    kept.reset(poppler::document::load_from_raw_data(kBlank.data(), kBlank.size()));
    const std::unique_ptr<poppler::page> page(kept ? kept->create_page(0) : nullptr);
    if (page) poppler::page_renderer().render_page(page.get());
  });
}

std::string bytes_at(const std::filesystem::path& path, bool from_end) {
  std::ifstream file(path, std::ios::binary);
  if (from_end) {
    file.seekg(0, std::ios::end);
    const auto size = static_cast<std::streamoff>(file.tellg());
    file.seekg(std::max<std::streamoff>(0, size - static_cast<std::streamoff>(kHeadBytes)));
  }
  std::string bytes(kHeadBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

void require_pdf(const std::filesystem::path& path) {
  if (is_pdf(path)) return;
  const std::string head = bytes_at(path, /*from_end=*/false);
  throw Error(ErrorCode::kBadInput,
              tr("{}: is not a PDF (it starts like {})", "{}: это не PDF (начинается как {})",
                 path.string(), image::describe_head(std::as_bytes(std::span(head)))));
}

[[noreturn]] void throw_unreadable(const std::filesystem::path& path) {
  const bool has_end = bytes_at(path, /*from_end=*/true).find("%%EOF") != std::string::npos;
  throw Error(ErrorCode::kBadInput,
              has_end ? tr("{}: the PDF is damaged: its pages cannot be found",
                           "{}: PDF повреждён: страницы не находятся", path.string())
                      : tr("{}: the PDF is cut off: its end is missing",
                           "{}: PDF обрезан: конца файла нет", path.string()),
              tr("fetch the file again, or open it in a viewer and save it anew",
                 "получите файл заново или откройте его в просмотрщике и сохраните ещё раз"));
}

[[noreturn]] void throw_locked(const std::filesystem::path& path) {
  throw Error(
      ErrorCode::kBadInput,
      tr("{}: the PDF is protected by a password", "{}: PDF защищён паролем", path.string()),
      tr("remove the password first: qpdf --decrypt --password=... in.pdf out.pdf",
         "сначала снимите пароль: qpdf --decrypt --password=... in.pdf out.pdf"));
}

/// Whether all pixels are alike.
bool is_blank(const image::Image& image) {
  return std::equal(image.rgb.begin() + 3, image.rgb.end(), image.rgb.begin());
}

}  // namespace

bool is_pdf(const std::filesystem::path& path) {
  identify_file(path, ErrorCode::kBadInput);
  const std::string head = bytes_at(path, /*from_end=*/false);
  return head.find("%PDF-") != std::string::npos && !image::sniff(std::as_bytes(std::span(head)));
}

Pdf::Pdf(const std::filesystem::path& path, const PdfOptions& options)
    : name_(path.string()), options_(options) {
  require_pdf(path);
  start_poppler();
  document_.reset(poppler::document::load_from_file(path.string()));
  if (!document_) throw_unreadable(path);
  if (document_->is_locked()) throw_locked(path);
  page_count_ = document_->pages();
  if (page_count_ < 1) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: the PDF has no pages", "{}: в PDF нет страниц", name_));
  }
}

Pdf::~Pdf() = default;

PageSize Pdf::page_size(int page) const {
  return size_of(*open_page(page), page);
}

std::optional<ocr::Page> Pdf::text_layer(int page) const {
  const std::unique_ptr<poppler::page> opened = open_page(page);
  const PageSize size = size_of(*opened, page);
  const auto scale = size.resolution / kPointsPerInch;
  std::vector<TextPiece> pieces;
  for (const poppler::text_box& box : opened->text_list()) {
    const poppler::byte_array text = box.text().to_utf8();
    const poppler::rectf place = box.bbox();
    pieces.push_back(
        {{text.data(), text.size()},
         {static_cast<float>(place.x() * scale), static_cast<float>(place.y() * scale),
          static_cast<float>(place.width() * scale), static_cast<float>(place.height() * scale)},
         box.has_space_after(),
         box.rotation()});
  }
  ocr::Page result = page_of_text(pieces, size.width, size.height);
  if (!is_readable(result)) return std::nullopt;
  return result;
}

image::Image Pdf::render(int page) const {
  const std::unique_ptr<poppler::page> opened = open_page(page);
  const PageSize size = size_of(*opened, page);
  poppler::page_renderer renderer;
  renderer.set_image_format(poppler::image::format_rgb24);
  renderer.set_render_hint(poppler::page_renderer::antialiasing);
  renderer.set_render_hint(poppler::page_renderer::text_antialiasing);
  complaints = 0;
  const poppler::image drawn = renderer.render_page(opened.get(), size.resolution, size.resolution,
                                                    0, 0, size.width, size.height);
  if (!drawn.is_valid() || drawn.width() != size.width || drawn.height() != size.height) {
    throw_damaged_page(page);
  }
  image::Image image{size.width, size.height, {}, size.resolution};
  const std::size_t row_bytes = static_cast<std::size_t>(size.width) * 3;
  image.rgb.resize(row_bytes * static_cast<std::size_t>(size.height));
  for (int y = 0; y < size.height; ++y) {
    std::memcpy(&image.rgb[static_cast<std::size_t>(y) * row_bytes],
                drawn.const_data() + static_cast<std::ptrdiff_t>(y) * drawn.bytes_per_row(),
                row_bytes);
  }
  if (complaints > 0 && is_blank(image)) throw_damaged_page(page);
  return image;
}

std::unique_ptr<poppler::page> Pdf::open_page(int page) const {
  if (page < 0 || page >= page_count_) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: has no page {}, only {}", "{}: страницы {} нет, всего страниц: {}", name_,
                   page + 1, page_count_));
  }
  std::unique_ptr<poppler::page> opened(document_->create_page(page));
  if (!opened) throw_damaged_page(page);
  return opened;
}

PageSize Pdf::size_of(const poppler::page& page, int number) const {
  const poppler::rectf box = page.page_rect(poppler::crop_box);
  PageSize size{box.width(), box.height(), 0, 0, options_.resolution};
  const auto orientation = page.orientation();
  if (orientation == poppler::page::landscape || orientation == poppler::page::seascape) {
    std::swap(size.width_points, size.height_points);
  }
  const double area = size.width_points * size.height_points;
  if (!(size.width_points > 0 && size.height_points > 0 && std::isfinite(area))) {
    throw_damaged_page(number);
  }
  const double longest = std::max(size.width_points, size.height_points);
  size.resolution =
      std::min({size.resolution, kLongestSide / longest * kPointsPerInch,
                std::sqrt(static_cast<double>(options_.max_pixels) / area) * kPointsPerInch});
  const auto pixels = [&](double points) {
    return std::max(1, static_cast<int>(std::lround(points * size.resolution / kPointsPerInch)));
  };
  size.width = pixels(size.width_points);
  size.height = pixels(size.height_points);
  return size;
}

void Pdf::throw_damaged_page(int page) const {
  throw Error(ErrorCode::kBadInput,
              tr("{}, page {}: is damaged", "{}, страница {}: повреждена", name_, page + 1),
              tr("fetch the file again, or open it in a viewer and save it anew",
                 "получите файл заново или откройте его в просмотрщике и сохраните ещё раз"));
}

}  // namespace oko::document

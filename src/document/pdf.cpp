#include "document/pdf.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "document/pdf_pictures.h"
#include "document/pdf_text.h"
#include "document/pdf_visibility.h"
#include "document/stretch.h"
#include "document/text_layer.h"
#include "image/sniff.h"

namespace oko::document {
namespace {

// Readers look for "%PDF-" in as many bytes at the start, and for "%%EOF" at the end.
constexpr std::size_t kHeadBytes = 1024;
constexpr double kLongestSide = 30'000;  // pixels: Tesseract counts in 16 bits

void require_pdf(const InputFile& file) {
  if (is_pdf(file)) return;
  const std::string head = file.part(0, kHeadBytes);
  throw Error(ErrorCode::kUnsupported,
              tr("{}: is not a PDF (it starts like {})", "{}: это не PDF (начинается как {})",
                 file.path().string(), image::describe_head(std::as_bytes(std::span(head)))));
}

[[noreturn]] void throw_unreadable(const InputFile& file) {
  const std::string name = file.path().string();
  const std::string end =
      file.part(file.size() - std::min<std::uint64_t>(file.size(), kHeadBytes), kHeadBytes);
  const bool has_end = end.find("%%EOF") != std::string::npos;
  throw Error(ErrorCode::kBadInput,
              has_end ? tr("{}: the PDF is damaged: its pages cannot be found",
                           "{}: PDF повреждён: страницы не находятся", name)
                      : tr("{}: the PDF is cut off: its end is missing",
                           "{}: PDF обрезан: конца файла нет", name),
              tr("fetch the file again, or open it in a viewer and save it again",
                 "получите файл заново или откройте его в просмотрщике и сохраните ещё раз"));
}

[[noreturn]] void throw_locked(const InputFile& file, const PdfOptions& options) {
  const std::string name = file.path().string();
  throw Error(
      ErrorCode::kUnsupported,
      !options.password.empty()
          ? tr("{}: the password of the PDF is another one", "{}: пароль PDF другой", name)
          : tr("{}: the PDF is protected by a password", "{}: PDF защищён паролем", name),
      options.takes_password
          ? tr("give its password: {} TEXT", "укажите его пароль: {} ТЕКСТ", Knob{"password"})
          : tr("save it without a password", "сохраните его без пароля"));
}

/// Points. Smaller pictures are ornaments.
constexpr float kLeastPicture = 8;
// Sizes of a letter that was turned into an outline, in points. Fewer outlines are ornaments.
constexpr float kLeastOutline = 2, kTallestOutline = 60, kWidestOutline = 100;
constexpr std::size_t kManyOutlines = 60;

}  // namespace

bool is_pdf(const InputFile& file) {
  return is_pdf(std::string_view(file.part(0, kHeadBytes)));
}

bool is_pdf(std::string_view head) {
  return head.find("%PDF-") != std::string_view::npos &&
         !image::sniff(std::as_bytes(std::span(head)));
}

Pdf::Pdf(const std::filesystem::path& path, const PdfOptions& options)
    : Pdf(InputFile(path, ErrorCode::kBadInput), options) {}

Pdf::Pdf(const InputFile& file, const PdfOptions& options)
    : name_(file.path().string()), options_(options) {
  require_pdf(file);
  bytes_ = file.map();
  unsigned long error = 0;
  {
    const auto lock = lock_pdfium();
    document_.reset(FPDF_LoadMemDocument64(bytes_->bytes().data(), bytes_->bytes().size(),
                                           options_.password.c_str()));
    if (document_) {
      page_count_ = FPDF_GetPageCount(document_.get());
      if (page_count_ < 1) {
        document_.reset();
      } else {
        form_info_ = std::make_unique<FPDF_FORMFILLINFO>();
        form_info_->version = 2;
        form_.reset(FPDFDOC_InitFormFillEnvironment(document_.get(), form_info_.get()));
      }
    } else {
      error = FPDF_GetLastError();
    }
  }
  if (error == kPdfErrorPassword || error == kPdfErrorSecurity) throw_locked(file, options_);
  if (error != 0) throw_unreadable(file);
  if (page_count_ < 1) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: the PDF has no pages", "{}: в PDF нет страниц", name_));
  }
}

Pdf::~Pdf() {
  const auto lock = lock_pdfium();
  opened_.reset();
  form_.reset();
  document_.reset();
}

PageSize Pdf::page_size(int page) const {
  const double unit = structure().user_unit(page);
  const auto lock = lock_pdfium();
  FS_SIZEF size{};
  if (page < 0 || page >= page_count_ || !FPDF_GetPageSizeByIndexF(document_.get(), page, &size)) {
    open_page(page);  // throws the reason
    throw_damaged_page(page);
  }
  return size_of(unit * size.width, unit * size.height, page);
}

Sheet Pdf::sheet(int page) const {
  const auto lock = lock_pdfium();
  const FPDF_PAGE opened = open_page(page);
  FS_RECTF box{};
  FPDF_GetPageBoundingBox(opened, &box);
  const double left = box.left, bottom = box.bottom, right = box.right, top = box.top;
  const double width = right - left, height = top - bottom;
  switch ((FPDFPage_GetRotation(opened) % 4 + 4) % 4) {
    case 1:
      return {{}, height, width, {0, 1, -1, 0, right, bottom}};
    case 2:
      return {{}, width, height, {-1, 0, 0, -1, right, top}};
    case 3:
      return {{}, height, width, {0, -1, 1, 0, left, top}};
    default:
      return {{}, width, height, {1, 0, 0, 1, left, bottom}};
  }
}

TextLayer Pdf::read_text_layer(int page, bool only_painted) const {
  const PageSize size = page_size(page);
  if (structure().content_end(page) == ContentEnd::kBroken) return {};
  std::vector<TextPiece> pieces;
  {
    const auto lock = lock_pdfium();
    const FPDF_PAGE opened = open_page(page);
    const PageToPicture to_picture(opened, size.width, size.height);
    pieces = text_pieces(opened, to_picture, hidden_layers_);
    mark_unseen(opened, to_picture, size.width, size.height, size.resolution,
                !hidden_layers_.empty(), pieces);
  }
  const std::size_t hidden =
      std::erase_if(pieces, [](const TextPiece& piece) { return !piece.is_shown; });
  const std::size_t unseen =
      std::erase_if(pieces, [](const TextPiece& piece) { return !piece.is_seen; });
  if (only_painted) std::erase_if(pieces, [](const auto& piece) { return !piece.is_painted; });
  TextLayer layer;
  layer.words_outside = count_outside(pieces, size.width, size.height);
  // A crop box cuts on purpose. Without one, edges that cut off two thirds of the text are wrong.
  layer.keeps_outside =
      3 * layer.words_outside > 2 * pieces.size() && !structure().has_crop_box(page);
  layer.page = page_of_text(pieces, size.width, size.height, layer.keeps_outside);
  layer.words_hidden = hidden;
  layer.words_unseen = unseen;
  layer.characters = count_characters(*layer.page);
  if (!is_readable(*layer.page)) layer.page.reset();
  return layer;
}

std::vector<LocalizedText> Pdf::hidden_content(int page) const {
  std::vector<LocalizedText> notes;
  if (structure().content_end(page) == ContentEnd::kInText) {
    notes.push_back(tr("its content ends within text: the rest of it may be missing",
                       "содержимое обрывается внутри текста: продолжения может не хватать"));
  }
  if (page == 0 && structure().is_portfolio()) {
    notes.push_back(tr("the PDF is a portfolio: the files in it are not read",
                       "это портфолио PDF: вложенные в него файлы не читаются"));
  }
  if (page == 0 && structure().is_xml_form()) {
    notes.push_back(tr("the PDF is an XML form (XFA), which its pages do not show",
                       "это форма XML (XFA): на страницах PDF её нет"));
  }
  return notes;
}

std::vector<Box> Pdf::pictures(int page) const {
  const PageSize size = page_size(page);
  const auto lock = lock_pdfium();
  const FPDF_PAGE opened = open_page(page);
  const PageToPicture to_picture(opened, size.width, size.height);
  std::vector<Box> boxes;
  std::size_t outlines = 0;
  Box outlined;
  for (int i = 0; i < FPDFPage_CountObjects(opened); ++i) {
    FPDF_PAGEOBJECT object = FPDFPage_GetObject(opened, i);
    const int type = FPDFPageObj_GetType(object);
    const std::optional<FS_RECTF> place = bounds_of(object);
    if (!place || type == kPdfObjectText) continue;
    const float width = place->right - place->left, height = place->top - place->bottom;
    if (type == kPdfObjectPath) {
      if (height < kLeastOutline || height > kTallestOutline || width > kWidestOutline) continue;
      const Box box = to_picture.box(*place);
      outlined = outlines++ == 0 ? box : around(outlined, box);
    } else if (width >= kLeastPicture && height >= kLeastPicture) {
      boxes.push_back(to_picture.box(*place));
    }
  }
  if (outlines >= kManyOutlines) boxes.push_back(outlined);
  for (int i = 0; i < FPDFPage_GetAnnotCount(opened); ++i) {
    const PdfiumAnnotation annotation(FPDFPage_GetAnnot(opened, i));
    FS_RECTF place{};
    if (!annotation || !FPDFAnnot_GetRect(annotation.get(), &place) || !is_finite(place)) continue;
    const int subtype = FPDFAnnot_GetSubtype(annotation.get());
    if (subtype == kPdfAnnotationLink || subtype == kPdfAnnotationPopup) continue;
    boxes.push_back(to_picture.box(place));
  }
  return boxes;
}

image::Image Pdf::render(int page) const {
  const PageSize size = page_size(page);
  image::Image image{size.width, size.height, {}, size.resolution};
  const std::size_t row_bytes = static_cast<std::size_t>(size.width) * 3;
  image.rgb.assign(row_bytes * static_cast<std::size_t>(size.height), 255);
  bool damaged = false;
  {
    const auto lock = lock_pdfium();
    const FPDF_PAGE opened = open_page(page);
    const PdfiumBitmap bitmap(FPDFBitmap_CreateEx(size.width, size.height, kPdfBitmapBgr,
                                                  image.rgb.data(), static_cast<int>(row_bytes)));
    if (!bitmap) throw_damaged_page(page);
    FPDF_RenderPageBitmap(bitmap.get(), opened, 0, 0, size.width, size.height, 0,
                          kPdfDrawAnnotations | kPdfReverseByteOrder);
    if (form_) {
      FPDF_FFLDraw(form_.get(), bitmap.get(), opened, 0, 0, size.width, size.height, 0,
                   kPdfDrawAnnotations | kPdfReverseByteOrder);
    }
    damaged = has_damaged_picture(opened, PageToPicture(opened, size.width, size.height), image);
  }
  if (damaged || structure().content_end(page) == ContentEnd::kBroken) throw_damaged_page(page);
  return image;
}

const PdfStructure& Pdf::structure() const {
  if (!structure_) {
    structure_ = std::make_unique<PdfStructure>(bytes_, options_.password);
    hidden_layers_ = structure_->hidden_layers();
  }
  return *structure_;
}

/// PDFium's lock is held. The page stays open until another one is opened, so that its content is
/// parsed once.
FPDF_PAGE Pdf::open_page(int page) const {
  if (page < 0 || page >= page_count_) {
    throw Error(ErrorCode::kNotFound,
                tr("{}: has no page {}, only {}", "{}: страницы {} нет, всего страниц: {}", name_,
                   page + 1, page_count_));
  }
  if (!opened_ || opened_number_ != page) {
    opened_.reset();
    opened_.reset(FPDF_LoadPage(document_.get(), page));
    opened_number_ = page;
  }
  if (!opened_) throw_damaged_page(page);
  return opened_.get();
}

void Pdf::close_page() const {
  const auto lock = lock_pdfium();
  opened_.reset();
}

PageSize Pdf::size_of(double width_points, double height_points, int number) const {
  PageSize size{width_points, height_points, 0, 0, options_.resolution};
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
              tr("fetch the file again, or open it in a viewer and save it again",
                 "получите файл заново или откройте его в просмотрщике и сохраните ещё раз"));
}

}  // namespace oko::document

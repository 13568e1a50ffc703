#include "document/pages.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/open_files.h"
#include "document/judgement.h"
#include "document/merge.h"
#include "document/text_layer.h"
#include "image/image.h"
#include "image/jpeg.h"

namespace oko::document {
namespace {

constexpr int kJpegQuality = 85;
// Ignore lower values: cameras and programs write 72 or 96 dpi by default.
constexpr double kLeastResolution = 100;
constexpr double kMostResolution = 2400;
// The longer side of a picture without a resolution is that of A4, within these bounds.
constexpr double kScreenResolution = 96;
constexpr double kScanResolution = 300;
constexpr double kLongSideOfA4 = 11.69;  // inches
constexpr double kLongestPage = 14'400;  // points, as readers of PDF allow

image::JpegFile encoded(const image::Image& image) {
  image::JpegFile file;
  file.bytes = image::encode_jpeg(image, kJpegQuality);
  file.width = image.width;
  file.height = image.height;
  return file;
}

/// True if the turned file has the proportions of `image`, which may be smaller.
bool is_shape_of(const image::JpegFile& file, const image::Image& image) {
  constexpr double kAlike = 0.02;
  const double stored = static_cast<double>(file.width) / file.height;
  const double upright = file.orientation > 4 ? 1 / stored : stored;
  return std::abs(upright * image.height / image.width - 1) < kAlike;
}

/// The file itself, if PDF decoders show it as oko does; else a JPEG of `image`.
image::JpegFile picture_of(const InputFile& input, const image::Image& image) {
  constexpr std::size_t kHead = 64;                  // bytes
  constexpr std::uint64_t kMostBytes = 100'000'000;  // it is kept until the page is read
  const std::string head = input.part(0, kHead);
  if (image::sniff(std::as_bytes(std::span(head))) != image::Format::kJpeg ||
      input.size() > kMostBytes) {
    return encoded(image);
  }
  std::optional<image::JpegFile> file = image::parse_jpeg(input.read(kMostBytes));
  if (file && is_shape_of(*file, image)) return std::move(*file);
  return encoded(image);
}

/// The size on paper of a picture by its resolution, pixels an inch.
void set_paper_size(const image::Image& image, Sheet& sheet) {
  const double longest = std::max(image.width, image.height);
  double resolution = image.resolution;
  if (!(resolution >= kLeastResolution && resolution <= kMostResolution)) {
    resolution = std::clamp(longest / kLongSideOfA4, kScreenResolution, kScanResolution);
  }
  const double points_per_pixel = std::min(kPointsPerInch / resolution, kLongestPage / longest);
  sheet.width = image.width * points_per_pixel;
  sheet.height = image.height * points_per_pixel;
}

/// Reads a picture even if the file has its text. `adds`: the read words go into the file, so those
/// that it has are left out.
LoadedPage read_anyway(image::Image image, Page told, bool adds) {
  if (!adds) return image;
  return {std::move(image),
          [told = std::move(told)](const Page& read) { return without_told(told, read); }};
}

/// `read`, with a note if the page has far more meaningless text than its picture shows.
Page doubted_where_short(Page read, std::size_t told_characters) {
  constexpr std::size_t kFew = 8, kTimes = 3;
  const std::size_t characters = count_characters(read);
  if (told_characters < kFew || kTimes * characters > told_characters) return read;
  read.notes.push_back(tr("its text has {} characters without a meaning; the picture shows {}",
                          "в тексте непонятных символов: {}; на картинке видно: {}",
                          told_characters, characters));
  return read;
}

LoadedPage with_notes(LoadedPage loaded, std::vector<LocalizedText> notes) {
  if (notes.empty()) return loaded;
  if (auto* page = std::get_if<Page>(&loaded.content)) {
    page->notes.insert(page->notes.end(), notes.begin(), notes.end());
    return loaded;
  }
  loaded.complete = [complete = std::move(loaded.complete), notes = std::move(notes)](Page read) {
    Page page = complete ? complete(std::move(read)) : std::move(read);
    page.notes.insert(page.notes.end(), notes.begin(), notes.end());
    return page;
  };
  return loaded;
}

}  // namespace

void Pages::count_pages(File& file) const {
  try {
    file.is_pdf = is_pdf(*file.source);
    file.pages = options_.decoder ? options_.decoder->page_count(*file.source, options_.pdf)
                 : file.is_pdf    ? Pdf(*file.source, options_.pdf).page_count()
                                  : image::page_count(*file.source);
  } catch (const Error&) {
    file.pages = 1;  // loading that page throws the error again
    file.is_broken = true;
  }
}

Pages::Pages(std::vector<std::string> files, const PagesOptions& options)
    : options_(options), most_open_(std::clamp<std::size_t>(open_file_limit() / 4, 1, kMostOpen)) {
  for (std::string& path : files) {
    const std::size_t number = files_.size();
    files_.push_back({std::move(path)});
    try {
      source(number);
      count_pages(files_[number]);
    } catch (const Error& error) {
      files_[number].error = error;
    }
    add_pages(number);
  }
}

void Pages::add_pages(std::size_t number) {
  File& file = files_[number];
  const bool chooses = !file.error && !file.is_broken;
  const int missing = chooses ? options_.selection.missing(file.pages) : 0;
  if (missing > 0) {
    file.error =
        Error(ErrorCode::kBadInput,
              tr("{}: has no page {}: the last is page {}", "{}: страницы {} нет: последняя — {}",
                 file.path, missing, file.pages),
              file.pages == 1 ? tr("it has one page", "в нём одна страница")
                              : tr("the pages are 1 to {}", "есть страницы с 1 по {}", file.pages));
    file.pages = 1;
  }
  const bool all = !chooses || missing > 0;
  const bool first = options_.selection.empty() && options_.first_of_pictures && !file.is_pdf;
  const PageSelection chosen = all     ? PageSelection()
                               : first ? PageSelection::only(1)
                                       : options_.selection;
  for (const int page : chosen.of(file.pages)) pages_.push_back({number, page});
}

std::shared_ptr<const InputFile> Pages::source(std::size_t number) {
  const MutexLock lock(sources_mutex_);
  File& file = files_[number];
  if (file.error) throw *file.error;
  if (!file.source) {
    auto source = std::make_shared<const InputFile>(file.path, ErrorCode::kBadInput);
    const bool is_first = file.identity == FileIdentity{};
    if (!is_first && file.identity != source->identity()) {
      throw Error(ErrorCode::kBadInput,
                  tr("{}: was replaced or changed in the meantime",
                     "{}: тем временем файл заменён или изменён", file.path),
                  tr("read it again", "прочитайте его заново"));
    }
    file.identity = source->identity();
    file.source = std::move(source);
  }
  std::erase(open_, number);
  open_.push_back(number);
  if (open_.size() > most_open_) {
    files_[open_.front()].source.reset();
    open_.erase(open_.begin());
  }
  return file.source;
}

std::uint64_t Pages::reading_bytes(int width, int height) const {
  return options_.reading_bytes == nullptr ? 0 : options_.reading_bytes(width, height);
}

image::Header Pages::header_of(const InputFile& file, const image::Limits& limits, int page) const {
  try {
    return options_.decoder ? options_.decoder->read_header(file, limits, page)
                            : image::read_header(file, limits, page);
  } catch (const Error& error) {
    // That hint lists pictures, and pages may be of a PDF, too.
    if (error.hint() != image::hint_of_formats()) throw;
    throw Error(error.code(), error.message(), image::hint_of_formats("PDF, "));
  }
}

image::Image Pages::load_picture(const InputFile& file, const image::Limits& limits,
                                 int page) const {
  return options_.decoder ? options_.decoder->load(file, limits, page)
                          : image::load(file, limits, page);
}

image::Fitted Pages::fit_picture(
    const InputFile& file, const Place& place, std::uint64_t bytes,
    const std::function<std::uint64_t(const image::Header&)>& bytes_of) const {
  return image::fit(
      [&](const image::Limits& limits) { return header_of(file, limits, place.page); }, bytes,
      bytes_of);
}

const image::Fitted& Pages::fitted(Place& place) {
  if (!place.size) {
    const auto bytes_of = [this](const image::Header& header) {
      return std::max(header.decode_bytes, reading_bytes(header.width, header.height));
    };
    const std::shared_ptr<const InputFile> file = source(place.file);
    place.size = file->unchanged(
        [&] { return fit_picture(*file, place, options_.picture_bytes, bytes_of); });
  }
  return *place.size;
}

LoadedPage Pages::load(std::size_t i, Sheet* sheet) {
  return source(pages_[i].file)->unchanged([&] { return load_page(i, sheet); });
}

LoadedPage Pages::load_page(std::size_t i, Sheet* sheet) {
  Place& place = pages_[i];
  const File& file = files_[place.file];
  if (file.is_pdf) return load_from_pdf(place, sheet);
  const image::Fitted& size = fitted(place);
  const std::shared_ptr<const InputFile> input = source(place.file);
  image::Image image = load_picture(*input, size.limits, place.page);
  if (size.header.shrink > 1) place.reduction = image::shrinking_of(image);
  if (sheet != nullptr) {
    sheet->picture = picture_of(*input, image);
    set_paper_size(image, *sheet);
  }
  const int width = image.stored_width, height = image.stored_height;
  const bool is_resized = width != image.width || height != image.height;
  LoadedPage loaded(std::move(image));
  if (is_resized) {
    loaded.complete = [=](Page read) {  // boxes are those of the file's pixels
      return resized(std::move(read), width, height);
    };
  }
  const LocalizedText others = image::others_of(size.header);
  if (others.empty()) return loaded;
  return with_notes(std::move(loaded), {others});
}

template <typename Use>
auto Pages::with_pdf(std::size_t file, const Use& use) {
  std::unique_ptr<Pdf> pdf = take(file);
  try {
    auto result = use(*pdf);
    give_back(file, std::move(pdf));
    return result;
  } catch (...) {
    give_back(file, std::move(pdf));
    throw;
  }
}

LocalizedText Pages::name(std::size_t i) const {
  if (pages_of_file(i) == 1) return file(i);
  return tr("{}, page {}", "{}, страница {}", file(i), page_in_file(i) + 1);
}

LocalizedText Pages::reduction(std::size_t i) {
  if (!is_of_pdf(i)) {
    const LocalizedText& reduction = pages_[i].reduction;
    return reduction.empty() ? reduction : name(i) + ": " + reduction;
  }
  const PageSize size = size_of(pages_[i]);
  if (size.resolution > options_.pdf.resolution - 1) return {};
  return tr("{}: read at {} dots per inch: {} × {} pixels",
            "{}: распознано при {:точке|точках|точках} на дюйм: {} × {} пикселей", name(i),
            Count(size.resolution), size.width, size.height);
}

Sheet Pages::blank(std::size_t i) {
  Sheet sheet;
  sheet.width = 210 / 25.4 * kPointsPerInch;
  sheet.height = 297 / 25.4 * kPointsPerInch;
  const Place place = pages_[i];
  if (!files_[place.file].is_pdf) return sheet;
  try {
    const PageSize size = size_of(place);
    sheet.width = size.width_points;
    sheet.height = size.height_points;
    return sheet;
  } catch (const Error&) {  // the page has none
    return sheet;
  }
}

budget::TagBytes Pages::memory_of(std::size_t i) {
  Place& place = pages_[i];
  int width = 0, height = 0;
  std::uint64_t loading = 0;
  if (files_[place.file].is_pdf) {
    const PageSize size = size_of(place);
    width = size.width;
    height = size.height;
    const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
    loading = 3 * pixels + bytes_elsewhere(pixels);
  } else {
    const image::Header& header = fitted(place).header;
    width = header.width;
    height = header.height;
    loading = header.decode_bytes;
  }
  budget::TagBytes bytes;
  bytes[budget::Tag::kOcr] = reading_bytes(width, height);
  bytes[budget::Tag::kImage] = loading - std::min(loading, bytes[budget::Tag::kOcr]);
  return bytes;
}

PageSize Pages::size_of(const Place& place) {
  if (options_.decoder) {
    return options_.decoder->page_size(*source(place.file), options_.pdf, place.page);
  }
  return with_pdf(place.file, [&](const Pdf& pdf) { return pdf.page_size(place.page); });
}

std::uint64_t Pages::bytes_elsewhere(std::uint64_t pixels) const {
  return options_.decoder ? options_.decoder->bytes_elsewhere(pixels) : 0;
}

PdfPage Pages::open_page(const Pdf& pdf, int page, Sheet* sheet) const {
  const bool draws = sheet != nullptr && !pdf.can_be_edited();
  PdfPage opened = read_pdf_page(
      pdf, page,
      {.only_painted = options_.ignores_text, .always_draws = options_.ignores_text || draws});
  if (sheet != nullptr) *sheet = pdf.sheet(page);
  if (draws) {
    const PageSize size = pdf.page_size(page);
    *sheet = {encoded(opened.image), size.width_points, size.height_points};
  }
  pdf.close_page();
  return opened;
}

LoadedPage Pages::load_from_pdf(const Place& place, Sheet* sheet) {
  const PdfPageOptions needs{.only_painted = options_.ignores_text,
                             .always_draws = options_.ignores_text};
  PdfPage opened =
      options_.decoder
          ? options_.decoder->read_page(*source(place.file), options_.pdf, place.page, needs)
          : with_pdf(place.file, [&](const Pdf& pdf) { return open_page(pdf, place.page, sheet); });
  std::vector<LocalizedText> notes = std::move(opened.notes);
  LoadedPage loaded = load_opened(std::move(opened), sheet != nullptr);
  return with_notes(std::move(loaded), std::move(notes));
}

LoadedPage Pages::load_opened(PdfPage opened, bool adds) const {
  std::optional<Page>& told = opened.layer.page;
  if (told && options_.ignores_text) {
    return read_anyway(std::move(opened.image), std::move(*told), adds);
  }
  if (!opened.plausible) {
    return {std::move(opened.image),
            [told = std::move(told), count = opened.layer.characters](Page read) {
              if (told && read.lines.empty()) return doubted(*told);
              if (told && agree(*told, read) && !lies_over_itself(*told)) {
                return merged(doubted_where_unclear(*told), read);
              }
              return doubted_where_short(std::move(read), count);
            }};
  }
  std::vector<Box> places = std::move(opened.pictures);
  if (opened.unclear.empty() && (places.empty() || !shows_more(opened.image, *told, places))) {
    return std::move(*told);
  }
  places.insert(places.end(), opened.unclear.begin(), opened.unclear.end());
  keep_only(places, opened.image);
  return {std::move(opened.image),
          [told = std::move(*told)](const Page& read) { return merged(told, read); }};
}

image::Fitted Pages::fit(std::size_t i, std::uint64_t bytes,
                         const std::function<std::uint64_t(const image::Header&)>& bytes_of) {
  const Place& place = pages_[i];
  const std::shared_ptr<const InputFile> file = source(place.file);
  if (!is_of_pdf(i)) return fit_picture(*file, place, bytes, bytes_of);
  const PageSize size = size_of(place);
  constexpr std::uint64_t kLeast = 1'000'000, kBytesPerPixel = 6;  // the picture and a copy to read
  image::Fitted fitted;
  fitted.header.pages = pages_of_file(i);
  double scale = 1;
  while (true) {
    image::Header& header = fitted.header;
    header.width = std::max(1, static_cast<int>(size.width * scale));
    header.height = std::max(1, static_cast<int>(size.height * scale));
    const std::uint64_t pixels =
        static_cast<std::uint64_t>(header.width) * static_cast<std::uint64_t>(header.height);
    header.decode_bytes = kBytesPerPixel * pixels + bytes_elsewhere(pixels);
    fitted.limits.max_decoded_pixels = pixels;
    if (bytes_of(header) <= bytes || pixels / 2 < kLeast) return fitted;
    scale *= std::sqrt(0.5);
  }
}

Pages::Shown Pages::show(std::size_t i, const image::Fitted& size) {
  const Place& place = pages_[i];
  const std::shared_ptr<const InputFile> file = source(place.file);
  Shown shown;
  if (!is_of_pdf(i)) {
    shown.image = load_picture(*file, size.limits, place.page);
    if (size.header.shrink > 1) shown.reduction = image::shrinking_of(shown.image);
    return shown;
  }
  PdfOptions options = options_.pdf;
  options.max_pixels = std::min(options.max_pixels, size.limits.max_decoded_pixels);
  const PdfPageOptions needs{.only_painted = options_.ignores_text, .always_draws = true};
  PageSize drawn;
  PdfPage opened;
  if (options_.decoder) {
    drawn = options_.decoder->page_size(*file, options, place.page);
    opened = options_.decoder->read_page(*file, options, place.page, needs);
  } else {
    const Pdf pdf(*file, options);
    opened = read_pdf_page(pdf, place.page, needs);
    drawn = pdf.page_size(place.page);
  }
  shown.image = opened.image;
  if (options.max_pixels < options_.pdf.max_pixels && drawn.resolution < options.resolution - 1) {
    shown.reduction = tr("drawn with {} × {} pixels", "нарисовано в {} × {} пикселей",
                         shown.image.width, shown.image.height);
  }
  shown.text = load_opened(std::move(opened), /*adds=*/false);
  return shown;
}

/// Opens a file once for each thread, but one of many pages once: it takes 6 KB a page, for what
/// PDFium does for one thread at a time.
std::unique_ptr<Pdf> Pages::take(std::size_t file) {
  constexpr int kManyPages = 1000;
  {
    const MutexLock lock(mutex_);
    if (files_[file].pages > kManyPages) {
      given_back_.wait(mutex_, [&]() OKO_REQUIRES(mutex_) { return !lent_.contains(file); });
      lent_.insert(file);
    }
    std::erase_if(idle_, [&](const auto& each) { return each.first < file; });
    if (!idle_.empty() && idle_.back().first == file) {
      std::unique_ptr<Pdf> pdf = std::move(idle_.back().second);
      idle_.pop_back();
      return pdf;
    }
  }
  try {
    return std::make_unique<Pdf>(*source(file), options_.pdf);
  } catch (...) {
    give_back(file, nullptr);
    throw;
  }
}

void Pages::give_back(std::size_t file, std::unique_ptr<Pdf> pdf) {
  const MutexLock lock(mutex_);
  lent_.erase(file);
  if (pdf != nullptr) idle_.emplace_back(file, std::move(pdf));
  given_back_.notify_all();
}

}  // namespace oko::document

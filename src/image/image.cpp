#include "image/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "image/bmp.h"
#include "image/failure.h"
#include "image/picture_file.h"
#include "image/tiff.h"
#include "image/vips_decoder.h"

namespace oko::image {
namespace {

/// "900 Mpx", "64.01 Mpx", and plain pixels in place of "0 Mpx".
LocalizedText format_pixels(std::uint64_t pixels) {
  if (pixels < 100'000) return tr("{} pixels", "{} пикс.", pixels);
  std::string number = fmt::format("{:.2f}", static_cast<double>(pixels) / 1e6);
  number.resize(number.find_last_not_of('0') + 1);
  if (number.ends_with('.')) number.pop_back();
  return tr("{} Mpx", "{} Мпикс", localized_number(number));
}

void check_file_size(const LocalizedText& name, std::uint64_t bytes, const Limits& limits) {
  if (bytes == 0) {
    throw Error(ErrorCode::kBadInput, tr("{}: is empty (0 bytes)", "{}: файл пуст (0 байт)", name),
                tr("the copy or download failed: fetch the file again",
                   "копирование или загрузка не удались: получите файл заново"));
  }
  if (bytes > limits.max_file_bytes) {
    const SizePair sizes(bytes, limits.max_file_bytes);
    throw Error(ErrorCode::kTooLarge,
                tr("{}: {} is more than the limit of {}", "{}: {} — больше предела в {}", name,
                   sizes.first, sizes.second),
                tr("save the picture smaller or compress it more",
                   "сохраните картинку меньшего размера или сожмите её сильнее"));
  }
}

/// Runs the checks that need no header.
Format check_kind(std::span<const std::byte> bytes, const LocalizedText& name,
                  const Limits& limits) {
  check_file_size(name, bytes.size(), limits);
  if (const auto format = sniff(bytes)) return *format;
  constexpr std::string_view kPdf = "%PDF-";
  const bool is_pdf =
      std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with(kPdf);
  throw Error(ErrorCode::kUnsupported,
              tr("{}: is not a picture oko can read (it starts like {})",
                 "{}: это не картинка, которую oko умеет читать (начинается как {})", name,
                 describe_head(bytes)),
              is_pdf ? tr("oko ocr reads PDF", "PDF читает oko ocr") : hint_of_formats());
}

}  // namespace

LocalizedText hint_of_formats(std::string_view others) {
  return tr("use a {}JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP file",
            "подойдёт файл {}JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF или BMP", others);
}

void check_size(const LocalizedText& name, std::int64_t width, std::int64_t height,
                const Limits& limits) {
  if (width <= 0 || height <= 0) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: the header says {} × {} pixels", "{}: в заголовке {} × {} пикселей", name,
                   width, height),
                tr("the file is damaged: fetch it again", "файл повреждён: получите его заново"));
  }
  // Each side has at most 32 bits in every format, so the product fits.
  const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  if (pixels <= limits.max_pixels) return;
  throw Error(ErrorCode::kTooLarge,
              tr("{}: {} × {} = {}, the limit is {}", "{}: {} × {} = {}, предел — {}", name, width,
                 height, format_pixels(pixels), format_pixels(limits.max_pixels)),
              tr("make the picture smaller or cut it into parts",
                 "уменьшите картинку или разрежьте её на части"));
}

void throw_damaged(const LocalizedText& name, Format format, std::string_view words) {
  LocalizedText message = tr("{}: the {} data are damaged or cut short",
                             "{}: данные {} повреждены или обрезаны", name, format_name(format));
  if (!words.empty()) message += fmt::format(" ({})", words);
  throw Error(ErrorCode::kBadInput, message,
              tr("fetch the file again, or open it in a viewer and save it again",
                 "получите файл заново или откройте его в просмотрщике и сохраните ещё раз"));
}

void throw_unsupported(const LocalizedText& name, Format format, const LocalizedText& what) {
  throw Error(ErrorCode::kUnsupported,
              tr("{}: oko does not read this kind of {}: {}",
                 "{}: такую разновидность {} oko не читает: {}", name, format_name(format), what),
              tr("save the picture as PNG or JPEG", "сохраните картинку как PNG или JPEG"));
}

namespace {

constexpr std::size_t kSniffedBytes = 64;

/// The bytes of a picture file: in memory, or mapped if they are many.
class PictureFile {
 public:
  PictureFile(const InputFile& file, const Limits& limits, FileBytes bytes) {
    constexpr std::uint64_t kMostInMemory = 100'000'000;
    check_file_size(file.path().string(), file.size(), limits);
    if (bytes == FileBytes::kMapped || file.size() > kMostInMemory) {
      mapped_ = file.map();
    } else {
      read_ = file.read(limits.max_file_bytes);
    }
  }

  std::span<const std::byte> bytes() const {
    return mapped_ ? mapped_->bytes() : std::as_bytes(std::span(read_));
  }
  /// Bytes that are not private memory.
  std::uint64_t mapped_bytes() const { return mapped_ ? mapped_->bytes().size() : 0; }

 private:
  std::string read_;
  std::shared_ptr<const InputMapping> mapped_;
};

}  // namespace

Image load(const InputFile& input, const Limits& limits, int page, FileBytes bytes) {
  const PictureFile file(input, limits, bytes);
  const std::filesystem::path& path = input.path();
  const LocalizedText name =
      page == 0 ? path.string() : tr("{}, page {}", "{}, страница {}", path.string(), page + 1);
  return decode(file.bytes(), name, limits, page);
}

Image load(const std::filesystem::path& path, const Limits& limits, int page) {
  return load(InputFile(path, ErrorCode::kBadInput), limits, page);
}

Image decode(std::span<const std::byte> bytes, const LocalizedText& name, const Limits& limits,
             int page) {
  const Format format = check_kind(bytes, name, limits);
  if (page > 0 && format != Format::kTiff) {
    throw Error(ErrorCode::kNotFound,
                tr("{}: has one page only", "{}: страница только одна", name));
  }
  if (format == Format::kBmp) {
    Image image = decode_bmp(bytes, name, limits);
    image.stored_width = image.width;
    image.stored_height = image.height;
    resize_whole(limits, image);
    return image;
  }
  return decode_with_vips(bytes, format, name, limits, page);
}

Header read_header(const std::filesystem::path& path, const Limits& limits, int page) {
  return read_header(InputFile(path, ErrorCode::kBadInput), limits, page);
}

int page_count(const std::filesystem::path& path, const Limits& limits) {
  return page_count(InputFile(path, ErrorCode::kBadInput), limits);
}

Header read_header(const InputFile& input, const Limits& limits, int page, FileBytes bytes) {
  const PictureFile file(input, limits, bytes);
  Header header = read_header(file.bytes(), input.path().string(), limits, page);
  header.decode_bytes -= file.mapped_bytes();
  return header;
}

int page_count(const InputFile& file, const Limits& limits, FileBytes bytes) {
  const std::string head = file.part(0, kSniffedBytes);
  const auto format = sniff(std::as_bytes(std::span(head)));
  if (format != Format::kTiff) return 1;
  const PictureFile picture(file, limits, bytes);
  const auto pages = tiff_pages(read_tiff_directories(picture.bytes()));
  return std::max(1, static_cast<int>(pages.size()));
}

Header read_header(std::span<const std::byte> bytes, const LocalizedText& name,
                   const Limits& limits, int page) {
  const Format format = check_kind(bytes, name, limits);
  if (format == Format::kBmp) return read_bmp_header(bytes, name, limits);
  return read_header_with_vips(bytes, format, name, limits, page);
}

}  // namespace oko::image

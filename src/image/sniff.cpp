#include "image/sniff.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/localized_text.h"
#include "base/lower_case.h"

namespace oko::image {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kTextProbe = 512;  // bytes checked to recognize text

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string_view part(std::string_view text, std::size_t offset, std::size_t size) {
  return offset > text.size() ? std::string_view{} : text.substr(offset, size);
}

std::uint32_t big_endian(std::string_view four) {
  std::uint32_t value = 0;
  for (const char byte : four) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// Checks the first box of HEIF: `ftyp`, the major brand, a version, compatible brands (ISO/IEC
/// 14496-12, 23008-12). `mif1` and `msf1` alone leave the codec open; rare codecs are refused
/// later, by name.
bool is_heif(std::string_view head) {
  static constexpr std::array kBrands = {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv,
                                         "hevx"sv, "hevm"sv, "hevs"sv, "mif1"sv, "msf1"sv,
                                         "avif"sv, "avis"sv, "mif2"sv, "avci"sv, "avcs"sv,
                                         "vvic"sv, "evbi"sv, "j2ki"sv, "jpeg"sv};
  if (part(head, 4, 4) != "ftyp") return false;
  const std::size_t box_end = std::min<std::size_t>(head.size(), big_endian(head.substr(0, 4)));
  for (std::size_t at = 8; at + 4 <= box_end; at += 4) {
    if (at == 12) continue;  // the version
    if (std::ranges::count(kBrands, head.substr(at, 4)) > 0) return true;
  }
  return false;
}

/// Many texts start with "BM" too: the size of the second header must be one that exists.
bool is_bmp(std::string_view head) {
  static constexpr std::array kHeaderSizes = {"\x0c\0\0\0"sv, "\x28\0\0\0"sv, "\x34\0\0\0"sv,
                                              "\x38\0\0\0"sv, "\x40\0\0\0"sv, "\x6c\0\0\0"sv,
                                              "\x7c\0\0\0"sv};
  return head.starts_with("BM") && std::ranges::count(kHeaderSizes, part(head, 14, 4)) > 0;
}

bool is_tiff(std::string_view head) {
  return head.starts_with("II*\0"sv) || head.starts_with("MM\0*"sv) ||
         head.starts_with("II+\0"sv) || head.starts_with("MM\0+"sv);  // "+" is BigTIFF
}

/// True for those of Canon (CR3), Olympus, Panasonic, Fujifilm, Sigma, Minolta; others are TIFF.
bool is_raw_photo(std::string_view head) {
  static constexpr std::array kMarks = {
      "IIRO"sv, "IIRS"sv, "MMOR"sv, "IIU\0"sv, "FUJIFILMCCD-RAW"sv, "FOVb"sv, "\0MRM"sv};
  return part(head, 4, 8) == "ftypcrx " ||
         std::ranges::any_of(kMarks, [&](std::string_view mark) { return head.starts_with(mark); });
}

bool is_plain_text(std::string_view head) {
  return std::ranges::none_of(head, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || byte == 0x7f;
  });
}

}  // namespace

std::optional<Format> sniff(std::span<const std::byte> bytes) {
  const std::string_view head = as_text(bytes);
  if (head.starts_with("\xff\xd8\xff")) return Format::kJpeg;
  if (head.starts_with("\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (head.starts_with("RIFF") && part(head, 8, 4) == "WEBP") return Format::kWebp;
  if (head.starts_with("GIF87a") || head.starts_with("GIF89a")) return Format::kGif;
  if (is_tiff(head)) return Format::kTiff;
  if (is_bmp(head)) return Format::kBmp;
  if (is_heif(head)) return Format::kHeic;
  return std::nullopt;
}

bool is_named_as_picture(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 13> kEndings{".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",
                                                      ".webp", ".heic", ".heif", ".avif", ".tif",
                                                      ".tiff", ".gif",  ".bmp"};
  const std::string ending = lower_case(file.extension().string());
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

std::string_view format_name(Format format) {
  switch (format) {
    case Format::kJpeg:
      return "JPEG";
    case Format::kPng:
      return "PNG";
    case Format::kWebp:
      return "WebP";
    case Format::kHeic:
      return "HEIC";
    case Format::kTiff:
      return "TIFF";
    case Format::kGif:
      return "GIF";
    case Format::kBmp:
      return "BMP";
  }
  return "";
}

namespace {

/// Nothing for unknown binary data.
std::optional<LocalizedText> known_kind(std::span<const std::byte> bytes) {
  std::string_view head = as_text(bytes.first(std::min(bytes.size(), kTextProbe)));
  if (head.starts_with("%PDF-")) return tr("a PDF document", "документ PDF");
  if (head.starts_with("PK\x03\x04")) {
    return tr("a ZIP archive or an office document", "архив ZIP или офисный документ");
  }
  if (is_raw_photo(head)) return tr("raw data of a camera's sensor", "сырые данные матрицы камеры");
  if (part(head, 4, 4) == "ftyp") return tr("a video", "видео");
  if (head.starts_with("\x1a\x45\xdf\xa3")) return tr("a video", "видео");
  if (head.starts_with("\xff\x0a") || head.starts_with("\0\0\0\x0cJXL "sv)) {
    return tr("a JPEG XL picture", "картинка JPEG XL");
  }
  if (head.starts_with("\0\0\0\x0cjP  "sv)) {
    return tr("a JPEG 2000 picture", "картинка JPEG 2000");
  }
  if (head.starts_with("8BPS")) return tr("a Photoshop document", "документ Photoshop");
  if (head.starts_with("\x1f\x8b")) return tr("a gzip archive", "архив gzip");
  if (!is_plain_text(head)) return std::nullopt;
  if (head.find("<svg") != std::string_view::npos) return tr("an SVG drawing", "рисунок SVG");
  if (head.find("<html") != std::string_view::npos ||
      head.find("<!DOCTYPE html") != std::string_view::npos) {
    return tr("a web page", "веб-страница");
  }
  return tr("plain text", "обычный текст");
}

}  // namespace

LocalizedText describe_head(std::span<const std::byte> head) {
  return known_kind(head).value_or(tr("unknown binary data", "неизвестные двоичные данные"));
}

bool is_known_kind(std::span<const std::byte> head) {
  return known_kind(head).has_value();
}

}  // namespace oko::image

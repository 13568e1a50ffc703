#include "image/precheck.h"

#include "base/localized_text.h"
#include "image/failure.h"
#include "image/heif.h"
#include "image/jpeg_segments.h"

namespace oko::image {
namespace {

constexpr int kMaxJpegScans = 100;  // real progressive files have about ten

std::uint32_t big_endian_32(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | static_cast<std::uint32_t>(byte);
  return value;
}

/// Refuses an oversize PNG by its first chunk, even if the later chunks are missing, which libpng
/// would report instead.
void check_png_size(std::span<const std::byte> bytes, const LocalizedText& name,
                    const Limits& limits) {
  if (bytes.size() < 24) throw_damaged(name, Format::kPng);
  check_size(name, big_endian_32(bytes.subspan<16, 4>()), big_endian_32(bytes.subspan<20, 4>()),
             limits);
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Limits the scans: a scan of a few bytes makes libjpeg process all pixels again.
void check_jpeg_scans(std::span<const std::byte> bytes, const LocalizedText& name) {
  JpegSegments segments(text_of(bytes));
  int scans = 0;
  while (scans <= kMaxJpegScans) {
    const auto segment = segments.next();
    if (!segment) return;
    if (segment->marker == 0xda) ++scans;
  }
  throw_unsupported(name, Format::kJpeg,
                    tr("more than {} scans", "больше {} проходов", kMaxJpegScans));
}

/// The name of a coding that only some versions of libjpeg decode; empty for others.
std::string_view coding_name(int marker) {
  switch (marker) {
    case 0xc3:
      return "lossless JPEG";
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return "hierarchical JPEG";
    case 0xc9:
    case 0xca:
    case 0xcb:
      return "arithmetic coding";
    case 0xf7:
      return "JPEG-LS";
    default:
      return {};
  }
}

}  // namespace

LocalizedText unusual_jpeg(std::span<const std::byte> bytes) {
  JpegSegments segments(text_of(bytes));
  while (const auto segment = segments.next()) {
    const int marker = segment->marker;
    const std::string_view coding = coding_name(marker);
    if (!coding.empty()) return coding;
    if (marker >= 0xc0 && marker <= 0xc2) {  // the header of a frame
      const int bits = segment->byte(0);
      return bits == 8 ? LocalizedText()
                       : tr("{} bits a channel", "{:бит|бита|бит} на канал", Count(bits));
    }
    if (marker == 0xda) return {};
  }
  return {};
}

void check_before_decoder(std::span<const std::byte> bytes, Format format,
                          const LocalizedText& name, const Limits& limits) {
  if (format == Format::kJpeg) check_jpeg_scans(bytes, name);
  if (format == Format::kPng) check_png_size(bytes, name, limits);
  if (format == Format::kHeic && is_cut_heif(bytes)) throw_damaged(name, format);
}

}  // namespace oko::image

#include "image/precheck.h"

#include <algorithm>

#include "base/language.h"
#include "image/failure.h"
#include "image/heif.h"

namespace oko::image {
namespace {

constexpr int kMaxJpegScans = 100;  // real progressive files have about ten

std::uint32_t big_endian_32(std::span<const std::byte, 4> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | static_cast<std::uint32_t>(byte);
  return value;
}

/// A PNG has its size in its first chunk. Seen here, an oversize one is called oversize even where
/// the chunks behind, which libpng wants first, are missing.
void check_png_size(std::span<const std::byte> bytes, std::string_view name, const Limits& limits) {
  if (bytes.size() < 24) throw_damaged(name, Format::kPng);
  check_size(name, big_endian_32(bytes.subspan<16, 4>()), big_endian_32(bytes.subspan<20, 4>()),
             limits);
}

/// How many times a JPEG goes over its pixels: `limit` + 1 where more than `limit`.
int count_scans(std::span<const std::byte> bytes, int limit) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(bytes[i]); };
  int scans = 0;
  std::size_t i = 2;
  while (scans <= limit) {
    const auto next =
        std::find(bytes.begin() + std::min(i, bytes.size()), bytes.end(), std::byte{0xff});
    i = next - bytes.begin();
    if (bytes.size() - i < 4) return scans;
    const unsigned marker = at(i + 1);
    if (marker == 0xd9) return scans;  // the end; phones append films
    if (marker == 0xff) {
      ++i;
    } else if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8)) {
      i += 2;  // stands alone, between coefficients
    } else {
      if (marker == 0xda) ++scans;
      i += 2 + (at(i + 2) << 8 | at(i + 3));
    }
  }
  return scans;
}

/// A few bytes a scan are enough to make libjpeg go over all pixels again.
void check_jpeg_scans(std::span<const std::byte> bytes, std::string_view name) {
  if (count_scans(bytes, kMaxJpegScans) <= kMaxJpegScans) return;
  throw_unsupported(name, Format::kJpeg,
                    tr("more than {} scans", "больше {} проходов", kMaxJpegScans));
}

/// The name of a way of coding that libjpeg knows in some of its versions only; empty: of another.
std::string_view coding_name(unsigned marker) {
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

std::string unusual_jpeg(std::span<const std::byte> bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned>(bytes[i]); };
  for (std::size_t i = 2; i + 5 <= bytes.size() && at(i) == 0xff;) {
    const unsigned marker = at(i + 1);
    const std::string_view coding = coding_name(marker);
    if (!coding.empty()) return std::string(coding);
    if (marker >= 0xc0 && marker <= 0xc2) {  // the header of a frame
      const unsigned bits = at(i + 4);
      return bits == 8 ? std::string() : tr("{} bits a channel", "{} бит на канал", bits);
    }
    if (marker == 0xda) return {};
    i += marker == 0xff ? 1 : 2 + (at(i + 2) << 8 | at(i + 3));
  }
  return {};
}

void check_before_decoder(std::span<const std::byte> bytes, Format format, std::string_view name,
                          const Limits& limits) {
  if (format == Format::kJpeg) check_jpeg_scans(bytes, name);
  if (format == Format::kPng) check_png_size(bytes, name, limits);
  if (format == Format::kHeic && is_cut_heif(bytes)) throw_damaged(name, format);
}

}  // namespace oko::image

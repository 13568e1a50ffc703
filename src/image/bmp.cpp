#include "image/bmp.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/localized_text.h"
#include "image/failure.h"
#include "image/scaling.h"

namespace oko::image {
namespace {

constexpr std::size_t kFileHeaderBytes = 14;
constexpr std::size_t kCoreHeaderBytes = 12;  // OS/2 1.x: 16-bit sizes, palette of 3 bytes an entry
constexpr std::size_t kInfoHeaderBytes = 40;
constexpr std::size_t kOs2HeaderBytes = 64;

enum Compression : std::uint32_t {
  kNone = 0,
  kRle8 = 1,
  kRle4 = 2,
  kBitFields = 3,
  kAlphaBitFields = 6
};

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};

/// The file. Every read is checked: one past its end throws.
class BmpSource {
 public:
  BmpSource(std::span<const std::byte> bytes, const LocalizedText& name)
      : bytes_(bytes), name_(name) {}

  std::uint32_t u8(std::uint64_t at) const { return static_cast<std::uint32_t>(from(at, 1)[0]); }
  std::uint32_t u16(std::uint64_t at) const { return u8(at) | u8(at + 1) << 8; }
  std::uint32_t u32(std::uint64_t at) const { return u16(at) | u16(at + 2) << 16; }
  const std::byte* from(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) throw_damaged(name_, Format::kBmp);
    return bytes_.data() + at;
  }
  const LocalizedText& name() const { return name_; }

 private:
  std::span<const std::byte> bytes_;
  const LocalizedText& name_;
};

struct Layout {
  int width = 0;
  int height = 0;
  bool top_down = false;
  std::uint32_t bits = 0;  // of a pixel
  std::uint32_t compression = kNone;
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha
  std::array<Colour, 256> palette{};
  std::uint64_t pixels_at = 0;  // offset in the file

  int row_of(int stored_row) const { return top_down ? stored_row : height - 1 - stored_row; }
};

void check_combination(const BmpSource& source, const Layout& layout, std::size_t header_bytes) {
  const std::uint32_t bits = layout.bits;
  const std::uint32_t compression = layout.compression;
  const bool known_bits =
      bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
  const bool known = (compression == kNone && known_bits) || (compression == kRle8 && bits == 8) ||
                     (compression == kRle4 && bits == 4) ||
                     ((compression == kBitFields || compression == kAlphaBitFields) &&
                      header_bytes != kOs2HeaderBytes && (bits == 16 || bits == 32));
  if (!known) {
    throw_unsupported(source.name(), Format::kBmp,
                      tr("compression {} with {} bits a pixel",
                         "сжатие {} при {:бите|битах|битах} на пиксель", compression, Count(bits)));
  }
}

/// The channel masks follow a short header or are part of a longer one, at the same offset.
void read_masks(const BmpSource& source, std::size_t header_bytes, Layout& layout) {
  const std::uint64_t at = kFileHeaderBytes + kInfoHeaderBytes;
  if (layout.compression == kNone) {
    layout.masks = layout.bits == 16
                       ? std::array<std::uint32_t, 4>{0x7c00, 0x03e0, 0x001f, 0}
                       : std::array<std::uint32_t, 4>{0xff0000, 0x00ff00, 0x0000ff, 0};
    return;
  }
  const bool alpha = header_bytes >= 56 || layout.compression == kAlphaBitFields;
  const std::size_t count = alpha ? 4 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    layout.masks[i] = source.u32(at + 4 * i);
    const std::uint32_t mask = layout.masks[i];
    if (mask != 0 && !std::has_single_bit((mask >> std::countr_zero(mask)) + std::uint64_t{1})) {
      throw_unsupported(source.name(), Format::kBmp,
                        tr("channel mask {:#010x}", "маска канала {:#010x}", mask));
    }
  }
}

void read_palette(const BmpSource& source, std::uint64_t at, std::uint32_t used,
                  std::size_t entry_bytes, Layout& layout) {
  const std::uint32_t most = 1u << layout.bits;
  const std::uint32_t count = used == 0 ? most : std::min(used, most);
  for (std::uint32_t i = 0; i < count; ++i) {
    // A short palette is common; its missing colours stay black.
    if (at + (i + 1) * entry_bytes > layout.pixels_at) return;
    const std::byte* entry = source.from(at + i * entry_bytes, entry_bytes);
    layout.palette[i] = {static_cast<std::uint8_t>(entry[2]), static_cast<std::uint8_t>(entry[1]),
                         static_cast<std::uint8_t>(entry[0])};
  }
}

Layout read_layout(const BmpSource& source, const Limits& limits) {
  Layout layout;
  const std::size_t header_bytes = source.u32(kFileHeaderBytes);
  const bool core = header_bytes == kCoreHeaderBytes;
  source.from(kFileHeaderBytes, header_bytes);
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::uint32_t used = 0;
  if (core) {
    width = source.u16(18);
    height = source.u16(20);
    layout.bits = source.u16(24);
  } else {
    width = static_cast<std::int32_t>(source.u32(18));
    height = static_cast<std::int32_t>(source.u32(22));
    layout.bits = source.u16(28);
    layout.compression = source.u32(30);
    used = source.u32(46);
  }
  layout.top_down = height < 0;
  height = layout.top_down ? -height : height;
  check_size(source.name(), width, height, limits);
  layout.width = static_cast<int>(width);
  layout.height = static_cast<int>(height);
  check_combination(source, layout, header_bytes);
  layout.pixels_at = source.u32(10);
  source.from(layout.pixels_at, 0);
  if (layout.bits <= 8) {
    read_palette(source, kFileHeaderBytes + header_bytes, used, core ? 3 : 4, layout);
  } else {
    read_masks(source, header_bytes, layout);
  }
  return layout;
}

std::uint8_t* row_start(Image& image, int row) {
  return image.rgb.data() + std::size_t{3} * image.width * row;
}

void put(std::uint8_t* pixel, Colour colour) {
  pixel[0] = colour.red;
  pixel[1] = colour.green;
  pixel[2] = colour.blue;
}

/// Scales the bits of one channel mask to 0..255.
class Channel {
 public:
  explicit Channel(std::uint32_t mask) : mask_(mask) {
    if (mask == 0) return;
    const int bits = std::popcount(mask);
    shift_ = std::countr_zero(mask) + std::max(bits - 8, 0);
    const std::uint32_t most = (1u << std::min(bits, 8)) - 1;
    for (std::uint32_t i = 0; i <= most; ++i) {
      scaled_[i] = static_cast<std::uint8_t>((i * 255 + most / 2) / most);
    }
  }
  std::uint8_t operator()(std::uint32_t pixel) const { return scaled_[(pixel & mask_) >> shift_]; }

 private:
  std::uint32_t mask_;
  int shift_ = 0;
  std::array<std::uint8_t, 256> scaled_{};
};

void decode_palette_row(const std::byte* row, const Layout& layout, std::uint8_t* out) {
  const std::uint32_t per_byte = 8 / layout.bits;
  const std::uint32_t mask = (1u << layout.bits) - 1;
  for (int x = 0; x < layout.width; ++x, out += 3) {
    const auto byte = static_cast<std::uint32_t>(row[x / per_byte]);
    put(out, layout.palette[byte >> (8 - layout.bits * (x % per_byte + 1)) & mask]);
  }
}

/// Decodes rows of masked 16- or 32-bit pixels. Returns true if one has alpha above 0.
bool decode_masked(const BmpSource& source, const Layout& layout, std::uint64_t stride,
                   Image& image) {
  const Channel red(layout.masks[0]), green(layout.masks[1]), blue(layout.masks[2]),
      alpha(layout.masks[3]);
  const std::uint32_t pixel_bytes = layout.bits / 8;
  bool seen = false;
  for (int y = 0; y < layout.height; ++y) {
    const std::byte* in = source.from(layout.pixels_at + stride * y, pixel_bytes * layout.width);
    std::uint8_t* out = row_start(image, layout.row_of(y));
    for (int x = 0; x < layout.width; ++x, in += pixel_bytes, out += 3) {
      std::uint32_t pixel = 0;
      for (std::uint32_t i = 0; i < pixel_bytes; ++i) {
        pixel |= static_cast<std::uint32_t>(in[i]) << (8 * i);
      }
      put(out, {red(pixel), green(pixel), blue(pixel)});
      if (layout.masks[3] == 0) continue;
      const std::uint32_t opacity = alpha(pixel);
      seen = seen || opacity > 0;
      for (int c = 0; c < 3; ++c) {
        out[c] = static_cast<std::uint8_t>((out[c] * opacity + 255 * (255 - opacity) + 127) / 255);
      }
    }
  }
  return seen;
}

void decode_plain(const BmpSource& source, Layout layout, Image& image) {
  const std::uint64_t row_bits = std::uint64_t{layout.bits} * layout.width;
  const std::uint64_t stride = (row_bits + 31) / 32 * 4;
  const std::uint64_t row_bytes = (row_bits + 7) / 8;
  source.from(layout.pixels_at, stride * (layout.height - 1) + row_bytes);
  image.rgb.resize(std::size_t{3} * image.width * image.height);
  if (layout.bits == 16 || layout.bits == 32) {
    const bool seen = decode_masked(source, layout, stride, image);
    if (layout.masks[3] == 0 || seen) return;
    layout.masks[3] = 0;  // a writer that left alpha at zero everywhere meant an opaque picture
    decode_masked(source, layout, stride, image);
    return;
  }
  for (int y = 0; y < layout.height; ++y) {
    const std::byte* in = source.from(layout.pixels_at + stride * y, row_bytes);
    std::uint8_t* out = row_start(image, layout.row_of(y));
    if (layout.bits <= 8) {
      decode_palette_row(in, layout, out);
      continue;
    }
    for (int x = 0; x < layout.width; ++x, in += 3, out += 3) {
      put(out, {static_cast<std::uint8_t>(in[2]), static_cast<std::uint8_t>(in[1]),
                static_cast<std::uint8_t>(in[0])});
    }
  }
}

/// Run-length codes: (count, value), or 0 with 0 = end of row, 1 = end of picture, 2 = move by two
/// bytes, n = n literal pixels padded to 16 bits. Pixels that no code touches have colour 0.
class RunLengthDecoder {
 public:
  RunLengthDecoder(const BmpSource& source, const Layout& layout, Image& image)
      : source_(source), layout_(layout), image_(image), at_(layout.pixels_at) {}

  void decode() {
    while (y_ < layout_.height) {
      const std::uint32_t count = source_.u8(at_);
      const std::uint32_t value = source_.u8(at_ + 1);
      at_ += 2;
      if (count > 0) {
        for (std::uint32_t i = 0; i < count; ++i) emit(index_of(value, i));
      } else if (value == 1) {
        return;
      } else if (value == 0) {
        x_ = 0;
        ++y_;
      } else if (value == 2) {
        x_ = std::min(x_ + static_cast<int>(source_.u8(at_)), layout_.width);
        y_ += static_cast<int>(source_.u8(at_ + 1));
        at_ += 2;
      } else {
        decode_literals(value);
      }
    }
  }

 private:
  std::uint32_t index_of(std::uint32_t byte, std::uint32_t i) const {
    if (layout_.bits == 8) return byte;
    return i % 2 == 0 ? byte >> 4 : byte & 15;
  }
  void decode_literals(std::uint32_t count) {
    const std::uint32_t per_byte = 8 / layout_.bits;
    for (std::uint32_t i = 0; i < count; ++i) {
      emit(index_of(source_.u8(at_ + i / per_byte), i % per_byte));
    }
    const std::uint32_t bytes = (count + per_byte - 1) / per_byte;
    at_ += (bytes + 1) / 2 * 2;
  }
  void emit(std::uint32_t index) {
    // Runs past the end of a row are cut, as in other readers.
    if (x_ < layout_.width) {
      put(row_start(image_, layout_.row_of(y_)) + std::size_t{3} * x_, layout_.palette[index]);
    }
    x_ = std::min(x_ + 1, layout_.width);
  }

  const BmpSource& source_;
  const Layout& layout_;
  Image& image_;
  std::uint64_t at_;
  int x_ = 0;
  int y_ = 0;  // stored row
};

void decode_runs(const BmpSource& source, const Layout& layout, Image& image) {
  image.rgb.resize(std::size_t{3} * image.width * image.height);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) put(&image.rgb[i], layout.palette[0]);
  RunLengthDecoder(source, layout, image).decode();
}

}  // namespace

Header read_bmp_header(std::span<const std::byte> bytes, const LocalizedText& name,
                       const Limits& limits) {
  const Layout layout = read_layout(BmpSource(bytes, name), limits);
  constexpr std::uint64_t kMegabyte = 1'000'000;         // pages that are not full, tables
  constexpr std::uint64_t kShrinkingBytes = 30'000'000;  // libvips and its rows
  const auto bytes_of = [](int width, int height) {
    return 3 * static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  };
  const Scaling scaling = plan_scaling(layout.width, layout.height, 1, 1, limits);
  const std::uint64_t shrunk =
      scaling.shrink == 1 ? kMegabyte : kShrinkingBytes + bytes_of(scaling.width, scaling.height);
  return {.format = Format::kBmp,
          .width = scaling.width,
          .height = scaling.height,
          .shrink = scaling.shrink,
          .decode_bytes = bytes.size() + bytes_of(layout.width, layout.height) + shrunk};
}

Image decode_bmp(std::span<const std::byte> bytes, const LocalizedText& name,
                 const Limits& limits) {
  const BmpSource source(bytes, name);
  const Layout layout = read_layout(source, limits);
  Image image{layout.width, layout.height, {}};
  if (layout.compression == kRle4 || layout.compression == kRle8) {
    decode_runs(source, layout, image);
  } else {
    decode_plain(source, layout, image);
  }
  return image;
}

}  // namespace oko::image

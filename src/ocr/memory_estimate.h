#pragma once

#include <algorithm>
#include <cstdint>

namespace oko::ocr {

/// Limits for enlarging a picture before it is read: they bound the memory and the time of reading.
inline constexpr int kLargestScale = 4;
inline constexpr std::uint64_t kMaxPreparedPixels = 24'000'000;

/// Memory of an engine while it exists, in bytes: of Tesseract for two languages, with the memory
/// that it keeps after pages, measured.
inline constexpr std::uint64_t kEngineBytes = 60'000'000;

/// Bytes a pixel of a picture (RGB and grey), and of the prepared picture (grey, thresholded,
/// Tesseract's copies and results).
inline constexpr std::uint64_t kOriginalBytes = 4;
inline constexpr std::uint64_t kPreparedBytes = 7;

/// The most pixels of a prepared picture.
constexpr std::uint64_t most_prepared_pixels(int width, int height) {
  const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  return std::min(kLargestScale * kLargestScale * pixels, kMaxPreparedPixels);
}

/// The most bytes that reading a picture takes, the picture included. The amount of text is unknown
/// before, so the estimate is for pages full of small print or noise: twice the memory of an A4
/// page of a book.
constexpr std::uint64_t reading_bytes(int width, int height) {
  const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  return kOriginalBytes * pixels + kPreparedBytes * most_prepared_pixels(width, height);
}

/// Pixels of the largest picture whose reading takes at most `bytes`.
constexpr std::uint64_t pixels_within(std::uint64_t bytes) {
  constexpr std::uint64_t kLargestPrepared = kPreparedBytes * kMaxPreparedPixels;
  const std::uint64_t small =
      bytes / (kOriginalBytes + kPreparedBytes * kLargestScale * kLargestScale);
  const std::uint64_t large = (bytes - std::min(bytes, kLargestPrepared)) / kOriginalBytes;
  return std::max(small, large);
}

/// The same for A4 at 300 dpi.
inline constexpr std::uint64_t kPageBytes = reading_bytes(2480, 3508);

}  // namespace oko::ocr

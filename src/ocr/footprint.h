#pragma once

#include <algorithm>
#include <cstdint>

namespace oko::ocr {

/// How far a picture is enlarged at most before it is read, and to how many pixels: they bound the
/// memory of reading, and its time.
inline constexpr int kLargestScale = 4;
inline constexpr std::uint64_t kMaxPreparedPixels = 24'000'000;

/// Memory of an engine as long as it is there, in bytes: Tesseract's for two languages, and what it
/// keeps after pages, measured.
inline constexpr std::uint64_t kEngineBytes = 60'000'000;

/// Bytes a pixel of a picture (RGB and grey), and of what is prepared of it (grey, thresholded,
/// Tesseract's copies and results).
inline constexpr std::uint64_t kOriginalBytes = 4;
inline constexpr std::uint64_t kPreparedBytes = 7;

/// Pixels of a picture at most when it is read.
constexpr std::uint64_t most_prepared_pixels(int width, int height) {
  const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  return std::min(kLargestScale * kLargestScale * pixels, kMaxPreparedPixels);
}

/// Memory that reading a picture takes at most, in bytes, the picture included. What text there is
/// nobody knows before: this is for pages full of small print or noise, and twice what an A4 page
/// of a book takes.
constexpr std::uint64_t reading_bytes(int width, int height) {
  const auto pixels = static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
  return kOriginalBytes * pixels + kPreparedBytes * most_prepared_pixels(width, height);
}

/// Pixels of the largest picture for which that is no more than `bytes`.
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

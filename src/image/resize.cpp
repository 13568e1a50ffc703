#include "image/resize.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "image/resize_kernel.h"

namespace oko::image {
namespace {

constexpr std::size_t kChannels = 3;

/// Bicubic convolution with a = -0.5: zero from 2 on.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// The inputs of each output position and their weights, in units of 2^-22.
struct Filter {
  struct Window {
    std::size_t first = 0;
    std::size_t taps = 0;
  };
  std::vector<Window> windows;
  std::size_t max_taps = 0;
  std::vector<std::int32_t> weights;  // windows.size() × max_taps

  const std::int32_t* weights_of(std::size_t position) const {
    return weights.data() + position * max_taps;
  }
};

Filter make_filter(int in_size, int out_size) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double stretch = std::max(scale, 1.0);
  const double inverse = 1.0 / stretch;
  const double support = 2.0 * stretch;
  Filter filter;
  filter.max_taps = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  filter.windows.resize(out_size);
  filter.weights.resize(filter.max_taps * out_size);
  std::vector<double> exact(filter.max_taps);
  for (int position = 0; position < out_size; ++position) {
    const double centre = (position + 0.5) * scale;
    // NOLINTBEGIN(bugprone-incorrect-roundings): Pillow rounds so
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int taps = std::min(static_cast<int>(centre + support + 0.5), in_size) - first;
    // NOLINTEND(bugprone-incorrect-roundings)
    double total = 0;
    for (int i = 0; i < taps; ++i) {
      exact[i] = cubic((i + first - centre + 0.5) * inverse);
      total += exact[i];
    }
    std::int32_t* weights = filter.weights.data() + position * filter.max_taps;
    for (int i = 0; i < taps; ++i) {
      const double weight = (total != 0 ? exact[i] / total : exact[i]) * (1 << kWeightBits);
      weights[i] = static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    filter.windows[position] = {static_cast<std::size_t>(first), static_cast<std::size_t>(taps)};
  }
  return filter;
}

/// Packs rows side by side, so that a pixel's neighbours in a row are `kStripRows` apart and the
/// sum over them runs along whole vectors.
Image resize_columns(const Image& image, int width) {
  Image result{width, image.height, {}};
  const std::size_t in_row = kChannels * image.width;
  const std::size_t out_row = kChannels * width;
  result.rgb.resize(out_row * image.height);
  const Filter filter = make_filter(image.width, width);
  constexpr std::size_t kPixel = kChannels * kStripRows;
  std::vector<std::uint8_t> strip(in_row * kStripRows);
  std::vector<std::uint8_t> resized(out_row * kStripRows);
  for (int y = 0; y < image.height; y += kStripRows) {
    const std::size_t count = std::min<std::size_t>(kStripRows, image.height - y);
    std::array<const std::uint8_t*, kStripRows> in;
    std::array<std::uint8_t*, kStripRows> out;
    for (std::size_t r = 0; r < kStripRows; ++r) {
      const std::size_t row = y + std::min(r, count - 1);
      in[r] = image.rgb.data() + row * in_row;
      out[r] = result.rgb.data() + row * out_row;
    }
    pack_strip(in.data(), in_row, strip.data());
    for (int x = 0; x < width; ++x) {
      const auto [first, taps] = filter.windows[x];
      weighted_sum(strip.data() + first * kPixel, kPixel, filter.weights_of(x), taps,
                   resized.data() + x * kPixel, kPixel);
    }
    unpack_strip(resized.data(), out_row, out.data(), count);
  }
  return result;
}

Image resize_rows(const Image& image, int height) {
  Image result{image.width, height, {}};
  const std::size_t row = kChannels * image.width;
  result.rgb.resize(row * height);
  const Filter filter = make_filter(image.height, height);
  for (int y = 0; y < height; ++y) {
    const auto [first, taps] = filter.windows[y];
    weighted_sum(image.rgb.data() + first * row, row, filter.weights_of(y), taps,
                 result.rgb.data() + y * row, row);
  }
  return result;
}

/// True if Pillow 13 shrinks the height first: if that drops many more rows than columns.
bool rows_first(const Image& image, int width, int height) {
  return height < image.height &&
         std::int64_t{image.height} - height > 2 * (std::int64_t{image.width} - width);
}

}  // namespace

Image resize_bicubic(const Image& image, int width, int height) {
  assert(width > 0 && height > 0);
  if (width == image.width && height == image.height) return image;
  if (width == image.width) return resize_rows(image, height);
  if (height == image.height) return resize_columns(image, width);
  if (rows_first(image, width, height)) return resize_columns(resize_rows(image, height), width);
  return resize_rows(resize_columns(image, width), height);
}

}  // namespace oko::image

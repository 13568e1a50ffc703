// Large pictures are shrunk while they are decoded, and pixels are made square.
#include "image/scaling.h"

#include <gtest/gtest.h>

#include <tuple>

#include "base/error.h"
#include "base/localized_text.h"
#include "tests/image/samples.h"
#include "tests/support/tiff_file.h"

namespace oko::image {
namespace {

std::tuple<int, int, int> planned(int width, int height, double x = 1, double y = 1) {
  const Scaling scaling = plan_scaling(width, height, x, y, {});
  return {scaling.shrink, scaling.width, scaling.height};
}

TEST(Scaling, PicturesOfPhonesAndScannersAreShrunkByPowersOfTwo) {
  EXPECT_EQ(planned(8000, 8000), std::tuple(1, 8000, 8000));
  EXPECT_EQ(planned(8001, 8000), std::tuple(2, 4001, 4000));
  EXPECT_EQ(planned(12000, 9000), std::tuple(2, 6000, 4500));   // 108 megapixels
  EXPECT_EQ(planned(16320, 12240), std::tuple(2, 8160, 6120));  // 200 megapixels
  EXPECT_EQ(planned(7016, 9921), std::tuple(2, 3508, 4961));    // A3 at 600 dots an inch
  EXPECT_EQ(planned(24000, 25000), std::tuple(4, 6000, 6250));
  EXPECT_EQ(planned(1, 600'000'000), std::tuple(8, 1, 75'000'000));
}

TEST(Scaling, PixelsOfAFaxAreMadeSquare) {
  EXPECT_EQ(planned(1728, 1145, 204, 98), std::tuple(1, 1728, 2383));
  EXPECT_EQ(planned(1728, 4400, 204, 391), std::tuple(1, 3312, 4400));
  EXPECT_EQ(planned(1728, 2200, 204, 196), std::tuple(1, 1728, 2290));
  EXPECT_EQ(planned(1728, 2200, 200, 198), std::tuple(1, 1728, 2200)) << "nearly square";
  EXPECT_EQ(planned(100, 100, 300, 1), std::tuple(1, 100, 100)) << "no resolution";
  EXPECT_EQ(planned(100, 100, 0, 0), std::tuple(1, 100, 100));
  EXPECT_EQ(planned(8000, 8000, 1, 2), std::tuple(2, 8000, 4000)) << "a side is not cut";
}

/// The mean of each two by two pixels.
Image halved(const Image& image) {
  Image half{image.width / 2, image.height / 2, {}};
  for (int y = 0; y < half.height; ++y) {
    for (int i = 0; i < 3 * half.width; ++i) {
      const int from = 3 * (2 * y * image.width + 2 * (i / 3)) + i % 3;
      const int sum = image.rgb[from] + image.rgb[from + 3] + image.rgb[from + 3 * image.width] +
                      image.rgb[from + 3 * image.width + 3];
      half.rgb.push_back(static_cast<std::uint8_t>((sum + 2) / 4));
    }
  }
  return half;
}

TEST(Scaling, EveryFormatIsShrunk) {
  const Limits limits{.max_decoded_pixels = 100};
  for (const auto& [name, tolerance] : {std::pair{"rgb.png", 1},
                                        {"orientation_6.jpg", 3},
                                        {"progressive.jpg", 24},
                                        {"lossless.webp", 1},
                                        {"picture.avif", 1},
                                        {"turned.tiff", 1},
                                        {"cmyk.tiff", 1},
                                        {"alpha.png", 1},
                                        {"picture.gif", 1},
                                        {"interlaced.png", 1}}) {
    SCOPED_TRACE(name);
    const std::string bytes = read_data(name);
    const Image whole = decode_text(bytes), expected = halved(whole);
    const Image image = decode_text(bytes, name, limits);
    ASSERT_EQ(image.width, expected.width);
    ASSERT_EQ(image.height, expected.height);
    EXPECT_EQ(image.stored_width, whole.width);
    EXPECT_EQ(image.stored_height, whole.height);
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
      ASSERT_NEAR(image.rgb[i], expected.rgb[i], tolerance) << i;
    }
    const Header header = read_header(std::as_bytes(std::span(bytes)), name, limits);
    EXPECT_EQ(header.width * header.height, 12 * 8);
  }
}

TEST(Scaling, BitmapIsShrunkAtItsOddEdge) {
  const std::string bytes = read_data("24.bmp");
  const Limits limits{.max_decoded_pixels = 100};
  const Image image = decode_text(bytes, "24.bmp", limits);
  EXPECT_EQ(std::tuple(image.width, image.height), std::tuple(12, 8));
  EXPECT_EQ(std::tuple(image.stored_width, image.stored_height), std::tuple(23, 16));
  const Header header = read_header(std::as_bytes(std::span(bytes)), "24.bmp", limits);
  EXPECT_EQ(header.width, 12);
  EXPECT_EQ(header.shrink, 2);
  EXPECT_EQ(header.others, 0);
  EXPECT_GT(header.decode_bytes, bytes.size());
}

TEST(Scaling, FaxIsStretchedToSquarePixels) {
  constexpr int kWidth = 8, kHeight = 4;
  const auto kRational = TiffFile::kRational;
  const std::string rows = std::string(2 * kWidth, '\0') + std::string(2 * kWidth, '\xff');
  const TiffFile fax = TiffFile().add_grey(
      kWidth, kHeight, rows,
      {{282, kRational, {204, 1}}, {283, kRational, {102, 1}}, {296, TiffFile::kShort, {2}}});
  const Image image = decode_text(fax.bytes());
  ASSERT_EQ(std::tuple(image.width, image.height), std::tuple(kWidth, 2 * kHeight));
  EXPECT_EQ(std::tuple(image.stored_width, image.stored_height), std::tuple(kWidth, kHeight));
  EXPECT_NEAR(image.resolution, 204, 0.1);
  EXPECT_LT(image.rgb[3 * kWidth * 2], 30);
  EXPECT_GT(image.rgb[3 * kWidth * 5], 225);
  EXPECT_EQ(read_header(std::as_bytes(std::span(fax.bytes())), "fax").height, 2 * kHeight);
}

}  // namespace
}  // namespace oko::image

// The memory of decoding, predicted from a picture's header.
#include <gtest/gtest.h>
#include <malloc.h>
#include <vips/vips.h>

#include <string>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "image/image.h"
#include "tests/support/kept_memory.h"
#include "tests/support/scratch_folder.h"

namespace oko::image {
namespace {

constexpr int kWidth = 3000, kHeight = 2000;

/// Saves six megapixels of gentle noise; the path ends with libvips's options in brackets.
bool save(const std::string& path, int orientation) {
  if (VIPS_INIT("decode_bytes_test") != 0) return false;
  VipsImage* noise = nullptr;
  VipsImage *joined = nullptr, *bytes = nullptr, *picture = nullptr;
  if (vips_gaussnoise(&noise, kWidth, kHeight, "mean", 128.0, "sigma", 20.0, nullptr) != 0) {
    return false;
  }
  VipsImage* bands[3] = {noise, noise, noise};
  const bool made =
      vips_bandjoin(bands, &joined, 3, nullptr) == 0 &&
      vips_cast_uchar(joined, &bytes, nullptr) == 0 &&
      vips_copy(bytes, &picture, "interpretation", VIPS_INTERPRETATION_sRGB, nullptr) == 0;
  if (!made) return false;
  vips_image_set_int(picture, VIPS_META_ORIENTATION, orientation);
  return vips_image_write_to_file(picture, path.c_str(), nullptr) == 0;
}

struct Case {
  const char* name;
  const char* options = "";
  int orientation = 1;
  std::uint64_t max_decoded_pixels = 64'000'000;
};

class DecodeBytesTest : public ScratchFolderTest, public ::testing::WithParamInterface<Case> {};

TEST_P(DecodeBytesTest, BoundsTakenMemoryWithinFactorTwoAndAHalf) {
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "AddressSanitizer takes memory of its own";
  const std::string path = (folder_ / GetParam().name).string();
  ASSERT_TRUE(save(path + GetParam().options, GetParam().orientation));
  ::malloc_trim(0);  // decoding must not reuse freed memory
  const std::uint64_t before = budget::private_bytes();
  const Limits limits{.max_decoded_pixels = GetParam().max_decoded_pixels};
  const Header header = read_header(path, limits);
  const std::uint64_t predicted = header.decode_bytes;
  budget::PeakSampler sampler;
  const Image image = load(path, limits);
  const std::uint64_t taken = sampler.peak_bytes() - before;
  EXPECT_EQ(image.rgb.size(), std::size_t{3} * header.width * header.height);
  RecordProperty("predicted_by_taken", std::to_string(static_cast<double>(predicted) / taken));
  EXPECT_GE(predicted, taken);
  EXPECT_LE(2 * predicted, 5 * taken);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, DecodeBytesTest,
    ::testing::Values(Case{"baseline.jpg"},
                      Case{"progressive.jpg", "[interlace,subsample-mode=off]"},
                      Case{"turned.jpg", "", 6}, Case{"rows.png", "[compression=1]"},
                      Case{"interlaced.png", "[interlace,compression=1]"},
                      Case{"lossy.webp", "[effort=0]"}, Case{"plain.tif"},
                      Case{"tiles.tif", "[tile,compression=deflate]"},
                      Case{"shrunk.jpg", "", 6, 2'000'000},
                      Case{"shrunk_rows.png", "[compression=1]", 1, 2'000'000},
                      Case{"shrunk_strips.tif", "", 1, 2'000'000}),
    [](const auto& info) {
      std::string name = info.param.name;
      return name.replace(name.find('.'), 1, "_");
    });

}  // namespace
}  // namespace oko::image

#include "image/resize.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <hwy/targets.h>

#include <fstream>
#include <string>

#include "tests/image/patterns.h"

namespace oko::image {
namespace {

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

TEST(Resize, EqualsPillowByteForByte) {
  std::ifstream golden(OKO_TEST_DATA "/resize_golden.txt");
  std::string pattern, digest, raw;
  int width, height, new_width, new_height;
  int cases = 0;
  while (golden >> pattern >> width >> height >> new_width >> new_height >> digest >> raw) {
    SCOPED_TRACE(fmt::format("{} {}x{} -> {}x{}", pattern, width, height, new_width, new_height));
    const Image resized = resize_bicubic(draw(pattern, width, height), new_width, new_height);
    ASSERT_EQ(resized.width, new_width);
    ASSERT_EQ(resized.height, new_height);
    ASSERT_EQ(resized.rgb.size(), std::size_t{3} * new_width * new_height);
    if (raw != "-") {
      EXPECT_EQ(hex(resized.rgb), raw);
    }
    EXPECT_EQ(fmt::format("{:08x}", crc32(std::as_bytes(std::span(resized.rgb)))), digest);
    ++cases;
  }
  EXPECT_EQ(cases, 157);
}

TEST(Resize, EveryInstructionSetGivesTheSamePixels) {
  const Image image = draw("noise", 150, 37);
  const Image expected = resize_bicubic(image, 67, 53);
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    EXPECT_EQ(resize_bicubic(image, 67, 53).rgb, expected.rgb);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(Resize, SameSizeIsACopy) {
  const Image image = draw("noise", 33, 7);
  EXPECT_EQ(resize_bicubic(image, 33, 7).rgb, image.rgb);
}

}  // namespace
}  // namespace oko::image

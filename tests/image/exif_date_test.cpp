#include "image/exif_date.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>

#include "image/image.h"

namespace oko::image {
namespace {

using Time = std::optional<std::chrono::sys_seconds>;

Time at(std::int64_t seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

constexpr std::int64_t kNoon = 1714564800;  // 2024-05-01T12:00:00Z

TEST(ExifDateTest, ReadsDatesAndZones) {
  EXPECT_EQ(parse_exif_date("2024:05:01 12:00:00", ""), at(kNoon));
  EXPECT_EQ(parse_exif_date("2024:05:01 15:00:00 (x, ASCII)", "+03:00"), at(kNoon));
  EXPECT_EQ(parse_exif_date("2024-05-01T07:00:00", "-05:00"), at(kNoon));
  for (const char* bad : {"", "2024:05:01", "0000:00:00 00:00:00", "2024:13:01 00:00:00",
                          "2024:02:30 00:00:00", "2024:05:01 24:00:00", "    :  :     :  :  "}) {
    EXPECT_EQ(parse_exif_date(bad, ""), std::nullopt) << bad;
  }
}

std::string little_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

/// An entry with the text at `offset`, or with a number in its place.
std::string entry(int tag, int type, std::uint32_t count, std::uint32_t value) {
  return little_endian(static_cast<std::uint32_t>(tag), 2) +
         little_endian(static_cast<std::uint32_t>(type), 2) + little_endian(count, 4) +
         little_endian(value, 4);
}

/// A JPEG file with DateTime, DateTimeOriginal and OffsetTimeOriginal.
std::string with_exif(const std::string& jpeg, const std::string& changed,
                      const std::string& original, const std::string& zone) {
  constexpr int kAscii = 2, kLong = 4;
  constexpr std::uint32_t kFirst = 8, kSecond = kFirst + 2 + 2 * 12 + 4,
                          kTexts = kSecond + 2 + 2 * 12 + 4;
  std::string tiff = "II*" + std::string(1, '\0') + little_endian(kFirst, 4);
  tiff += little_endian(2, 2) + entry(0x0132, kAscii, 20, kTexts) +
          entry(0x8769, kLong, 1, kSecond) + little_endian(0, 4);
  tiff += little_endian(2, 2) + entry(0x9003, kAscii, 20, kTexts + 20) +
          entry(0x9011, kAscii, 7, kTexts + 40) + little_endian(0, 4);
  tiff += changed + '\0' + original + '\0' + zone + '\0';
  const std::string segment = "Exif" + std::string(2, '\0') + tiff;
  const auto length = static_cast<std::uint32_t>(segment.size() + 2);
  return jpeg.substr(0, 2) + "\xFF\xE1" + static_cast<char>(length >> 8) +
         static_cast<char>(length & 0xFF) + segment + jpeg.substr(2);
}

Time taken(const std::string& bytes) {
  return read_header(std::as_bytes(std::span(bytes)), "a.jpg").taken;
}

TEST(ExifDateTest, HeaderHasTheTimeOfThePicture) {
  std::ifstream file(OKO_SOURCE_DIR "/tests/image/data/adobe_rgb.jpg", std::ios::binary);
  const std::string jpeg(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(taken(jpeg), std::nullopt);
  EXPECT_EQ(taken(with_exif(jpeg, "2025:01:01 00:00:00", "2024:05:01 15:00:00", "+03:00")),
            at(kNoon));
  EXPECT_EQ(taken(with_exif(jpeg, "2024:05:01 12:00:00", "0000:00:00 00:00:00", "      ")),
            at(kNoon));
}

}  // namespace
}  // namespace oko::image

// Kinds of TIFF: the colours are right, or the refusal names the kind of the file.
#include "image/tiff.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "image/jpeg.h"
#include "tests/image/patterns.h"
#include "tests/image/samples.h"
#include "tests/support/tiff_file.h"

namespace oko::image {
namespace {

using Rgb = std::array<int, 3>;
using Tags = std::vector<TiffFile::Tag>;

constexpr int kWidth = 8, kHeight = 4;
constexpr auto kShort = TiffFile::kShort;

/// A picture of one colour: the samples of a pixel, over and over.
std::string file_of(const std::vector<std::uint8_t>& pixel, Tags tags, std::uint32_t photometric,
                    std::uint32_t samples, std::uint32_t bits = 8) {
  const std::string one(pixel.begin(), pixel.end());
  std::string pixels;
  for (int i = 0; i < kWidth * kHeight; ++i) pixels += one;
  tags.push_back({258, kShort, std::vector<std::uint32_t>(samples, bits)});
  tags.push_back({262, kShort, {photometric}});
  tags.push_back({277, kShort, {samples}});
  return TiffFile().add_page(kWidth, kHeight, pixels, std::move(tags)).bytes();
}

void expect_colour(const std::string& file, const Rgb& expected, int tolerance) {
  const Image image = decode_text(file);
  ASSERT_EQ(image.rgb.size(), std::size_t{3} * kWidth * kHeight);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    ASSERT_NEAR(image.rgb[i], expected[i % 3], tolerance) << i;
  }
}

std::string refusal(const std::string& file) {
  try {
    decode_text(file);
  } catch (const Error& error) {
    EXPECT_TRUE(is_of_input(error.code()));
    return error.what();
  }
  return "no error";
}

std::string unsupported(const std::string& what) {
  return "picture: oko does not read this kind of TIFF: " + what;
}

class TiffTest : public ::testing::Test {
 protected:
};

TEST_F(TiffTest, YcbcrIsTurnedIntoRgb) {
  const TiffFile::Tag together{530, kShort, {1, 1}};
  // The values of ITU-R BT.601: Pillow's (230, 40, 30).
  expect_colour(file_of({96, 91, 224}, {together}, 6, 3), {230, 40, 31}, 1);
  const auto rational = TiffFile::kRational;
  const TiffFile::Tag video{532, rational, {16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1}};
  expect_colour(file_of({16, 128, 128}, {together, video}, 6, 3), {0, 0, 0}, 0);
  expect_colour(file_of({235, 128, 128}, {together, video}, 6, 3), {255, 255, 255}, 0);
  const TiffFile::Tag luma{529, rational, {2126, 10'000, 7152, 10'000, 722, 10'000}};
  expect_colour(file_of({54, 99, 255}, {together, luma}, 6, 3), {254, 0, 0}, 2);
}

TEST_F(TiffTest, SubsampledYcbcrIsRefusedByName) {
  EXPECT_EQ(refusal(file_of({96, 91, 224}, {}, 6, 3)),
            unsupported("YCbCr with subsampled colours, not compressed as JPEG"));
}

TEST_F(TiffTest, LabIsOfTheWhiteOfProfiles) {
  // (230, 40, 30) by LittleCMS; a and b have a sign.
  expect_colour(file_of({130, 70, 55}, {}, 8, 3), {230, 39, 31}, 1);
  expect_colour(file_of({81, 32, 179}, {}, 8, 3), {20, 60, 200}, 2);
  expect_colour(file_of({255, 0, 0}, {}, 8, 3), {255, 255, 255}, 1);
  expect_colour(file_of({0xff, 0x7f, 0, 0, 0, 0}, {}, 8, 3, 16), {119, 119, 119}, 1);
}

TEST_F(TiffTest, SamplesThatAreNoAlphaAreLeftOut) {
  const auto extra = [](std::vector<std::uint32_t> kinds) {
    return TiffFile::Tag{338, kShort, std::move(kinds)};
  };
  const std::vector<std::uint8_t> pixel{230, 40, 30, 100};
  expect_colour(file_of(pixel, {extra({0})}, 2, 4), {230, 40, 30}, 0);
  expect_colour(file_of(pixel, {extra({2})}, 2, 4), {245, 171, 167}, 0);
  expect_colour(file_of(pixel, {}, 2, 4), {245, 171, 167}, 0);
  expect_colour(file_of({230, 40, 30, 9, 100}, {extra({0, 2})}, 2, 5), {245, 171, 167}, 0);
}

TEST_F(TiffTest, InksPlanesAndWhiteAsZeroAreRight) {
  expect_colour(file_of({25, 215, 225, 0}, {}, 5, 4), {230, 40, 30}, 0);
  expect_colour(file_of({200}, {}, 0, 1), {55, 55, 55}, 0);
  expect_colour(file_of({0, 55}, {}, 0, 1, 16), {200, 200, 200}, 0);
  const std::string planes =
      std::string(32, '\xe6') + std::string(32, '\x28') + std::string(32, 30);
  const TiffFile file = TiffFile().add_page(
      kWidth, kHeight, planes,
      {{258, kShort, {8, 8, 8}}, {262, kShort, {2}}, {277, kShort, {3}}, {284, kShort, {2}}});
  // One strip for three planes is damage, not pixels.
  EXPECT_NE(refusal(file.bytes()).find("damaged"), std::string::npos);
}

TEST_F(TiffTest, OtherColoursAreRefusedByName) {
  const std::vector<std::uint8_t> pixel{1, 2, 3};
  EXPECT_EQ(refusal(file_of(pixel, {}, 9, 3)), unsupported("colours as ICCLab"));
  EXPECT_EQ(refusal(file_of(pixel, {}, 32845, 3)), unsupported("colours as LogLuv"));
  EXPECT_EQ(refusal(file_of(pixel, {}, 99, 3)), unsupported("PhotometricInterpretation 99"));
  EXPECT_EQ(refusal(file_of({1}, {}, 4, 1)), unsupported("colours as transparency mask"));
  EXPECT_EQ(refusal(file_of({1, 2, 3, 4}, {{332, kShort, {2}}}, 5, 4)),
            unsupported("inks other than CMYK"));
}

TEST_F(TiffTest, OtherSamplesAreRefusedByName) {
  const TiffFile::Tag sign{339, kShort, {2}}, floating{339, kShort, {3}};
  EXPECT_EQ(refusal(file_of({1, 2}, {sign}, 1, 1, 16)), unsupported("samples with a sign"));
  EXPECT_EQ(refusal(file_of({1, 2, 3, 4}, {floating}, 1, 1, 32)),
            unsupported("samples of 32 bits in floating point"));
  EXPECT_EQ(refusal(file_of({1, 2, 3, 4}, {}, 1, 1, 32)), unsupported("samples of 32 bits"));
  EXPECT_EQ(refusal(file_of({1, 2}, {}, 1, 1, 12)), unsupported("samples of 12 bits"));
}

TEST_F(TiffTest, PhotosOfTheSensorAreNamed) {
  const std::string raw = unsupported("raw data of a camera's sensor (DNG, ProRAW and others)");
  EXPECT_EQ(refusal(file_of({1}, {}, 32803, 1)), raw);
  EXPECT_EQ(refusal(file_of({1, 2, 3}, {}, 34892, 3)), raw);
  // A thumbnail in front, as DNG has.
  EXPECT_EQ(
      refusal(file_of({1, 2, 3},
                      {{254, TiffFile::kLong, {1}}, {50706, TiffFile::kByte, {1, 4, 0, 0}}}, 2, 3)),
      raw);
}

TEST_F(TiffTest, CompressionsAreNamedWhereTheyCannotBeDecoded) {
  const auto compressed = [](std::uint32_t compression) {
    return refusal(file_of({1, 2, 3}, {{259, kShort, {compression}}}, 2, 3));
  };
  EXPECT_EQ(compressed(50002), unsupported("compression JPEG XL"));
  EXPECT_EQ(compressed(65000), unsupported("compression 65000"));
  EXPECT_EQ(compressed(6), unsupported("old-style JPEG compression"));
  // A damaged file is called damaged, with the decoder's words.
  EXPECT_NE(compressed(32773).find("damaged or cut short (PackBits"), std::string::npos)
      << compressed(32773);
}

/// "0110..." as bytes.
std::string packed(const std::string& bits) {
  std::string bytes((bits.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i] == '1') bytes[i / 8] |= static_cast<char>(128 >> i % 8);
  }
  return bytes;
}

/// 64 × 16 pixels, black or white, coded as `bits`.
std::string fax(std::uint32_t compression, const std::string& bits) {
  const TiffFile::Tag unknown{65000, kShort, {1}};  // libtiff warns of it
  return TiffFile()
      .add_page(64, 16, packed(bits),
                {{258, kShort, {1}}, {259, kShort, {compression}}, {262, kShort, {0}}, unknown})
      .bytes();
}

TEST_F(TiffTest, FaxOfGroup4ThatLosesLinesIsDamaged) {
  const auto expect_damage = [](const std::string& file, const std::string& words) {
    const std::string message = refusal(file);
    EXPECT_NE(message.find("damaged or cut short ("), std::string::npos) << message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  const auto lines = [](int count) { return std::string(count, '1'); };  // each as the one above
  const std::string end = "000000000001000000000001";
  EXPECT_EQ(decode_text(fax(4, lines(16) + end)).rgb, std::vector<std::uint8_t>(64 * 16 * 3, 255));
  expect_damage(fax(4, lines(4) + "0000001000" + lines(11) + end), "Uncompressed data");
  expect_damage(fax(4, lines(4) + "00000001" + lines(11) + end), "Bad code word");
  const std::string run_of_128_and_1 =
      "001"
      "10010"
      "00110101"
      "010";
  expect_damage(fax(4, lines(4) + run_of_128_and_1 + lines(11) + end), "Line length mismatch");
  expect_damage(fax(4, lines(8)), "Premature EO");
}

TEST_F(TiffTest, WrongLineOfAFaxOfGroup3IsKept) {
  const std::string start = "000000000001", white_64 = "1101100110101", white_128 = "1001000110101";
  std::string bits;
  for (int line = 0; line < 16; ++line) bits += start + (line == 5 ? white_128 : white_64);
  const Image image = decode_text(fax(3, bits));
  EXPECT_EQ(image.rgb, std::vector<std::uint8_t>(64 * 16 * 3, 255));
}

TEST_F(TiffTest, JpegInATiffThatLosesPixelsIsDamaged) {
  const std::string jpeg = encode_jpeg(draw("noise", 64, 64), 90);
  const auto file = [](const std::string& strip) {
    return TiffFile()
        .add_page(64, 64, strip,
                  {{258, kShort, {8, 8, 8}},
                   {259, kShort, {7}},
                   {262, kShort, {6}},
                   {277, kShort, {3}},
                   {530, kShort, {1, 1}}})
        .bytes();
  };
  EXPECT_EQ(refusal(file(jpeg)), "no error");
  const std::string message = refusal(file(jpeg.substr(0, jpeg.size() / 2) + "\xff\xd9"));
  EXPECT_NE(message.find("damaged or cut short ("), std::string::npos) << message;
  EXPECT_NE(message.find("premature end of data segment"), std::string::npos) << message;
}

TEST_F(TiffTest, JpegInATiffMayLackItsEnd) {
  const std::string jpeg = encode_jpeg(draw("noise", 64, 64), 90);
  const auto file = [&](std::size_t lost) {
    TiffFile tiff;
    for (const std::size_t each : {std::size_t{0}, lost}) {
      tiff.add_page(64, 64, jpeg.substr(0, jpeg.size() - each),
                    {{258, kShort, {8, 8, 8}},
                     {259, kShort, {7}},
                     {262, kShort, {6}},
                     {277, kShort, {3}},
                     {530, kShort, {1, 1}}});
    }
    return tiff.bytes();
  };
  const auto pixels = [&](std::size_t lost, int page) {
    const std::string tiff = file(lost);
    return decode(std::as_bytes(std::span(tiff)), "picture", {}, page).rgb;
  };
  for (const std::size_t lost : {1, 2}) EXPECT_EQ(pixels(lost, 1), pixels(0, 1)) << lost;
  EXPECT_EQ(pixels(12, 0), pixels(0, 0)) << "the page before";
  try {
    pixels(12, 1);
    ADD_FAILURE() << "pixels are lost";
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().contains("premature end of data segment")) << error.what();
  }
}

TEST_F(TiffTest, StripsThatOverlapAreNotCopied) {
  const std::string jpeg = encode_jpeg(draw("noise", 64, 64), 90);
  constexpr std::uint32_t kStrips = 64, kHeader = 8;
  const auto size = static_cast<std::uint32_t>(jpeg.size() - 2);
  const std::string file =
      TiffFile()
          .add_page(64, 64, jpeg.substr(0, size),
                    {{259, kShort, {7}},
                     {324, TiffFile::kLong, std::vector<std::uint32_t>(kStrips, kHeader)},
                     {325, TiffFile::kLong, std::vector<std::uint32_t>(kStrips, size)}})
          .bytes();
  const auto bytes = std::as_bytes(std::span(file));
  EXPECT_EQ(with_jpeg_ends(bytes, read_tiff_directories(bytes).at(0)), std::nullopt);
}

TEST_F(TiffTest, ThumbnailsAndMasksAreNoPages) {
  const TiffFile::Tag reduced{254, TiffFile::kLong, {1}}, mask{254, TiffFile::kLong, {4}};
  const TiffFile file = TiffFile()
                            .add_grey(2, 2, std::string(4, '\1'), {reduced})
                            .add_grey(8, 4, std::string(32, '\2'))
                            .add_grey(2, 2, std::string(4, '\3'), {{255, kShort, {2}}})
                            .add_grey(8, 4, std::string(32, '\4'), {mask})
                            .add_grey(8, 4, std::string(32, '\5'), {{254, TiffFile::kLong, {2}}});
  const auto bytes = std::as_bytes(std::span(file.bytes()));
  EXPECT_EQ(read_header(bytes, "pages").pages, 2);
  EXPECT_EQ(decode(bytes, "pages", {}, 0).rgb[0], 2);
  EXPECT_EQ(decode(bytes, "pages", {}, 1).rgb[0], 5);
  EXPECT_THROW(decode(bytes, "pages", {}, 2), Error);
}

TEST_F(TiffTest, CountsPagesAfterAnyFirstOne) {
  const TiffFile file = TiffFile()
                            .add_grey(8, 1, std::string(32, '\1'), {{339, kShort, {3}}})
                            .add_grey(8, 4, std::string(32, '\2'));
  const auto path = std::filesystem::temp_directory_path() /
                    ("oko_tiff_test_" + std::to_string(::getpid()) + ".tif");
  write_file_atomically(path, std::as_bytes(std::span(file.bytes())));
  EXPECT_EQ(page_count(path), 2);
  std::filesystem::remove(path);
}

TEST_F(TiffTest, OnlyThumbnailsArePages) {
  const TiffFile::Tag reduced{254, TiffFile::kLong, {1}};
  const TiffFile file = TiffFile()
                            .add_grey(8, 4, std::string(32, '\1'), {reduced})
                            .add_grey(8, 4, std::string(32, '\2'), {reduced});
  EXPECT_EQ(read_header(std::as_bytes(std::span(file.bytes())), "pages").pages, 2);
}

TEST_F(TiffTest, PageThatIsCutOffIsADamagedPage) {
  const TiffFile file =
      TiffFile().add_grey(8, 4, std::string(32, '\1')).add_grey(8, 4, std::string(32, '\2'));
  const std::string cut = file.bytes().substr(0, file.bytes().size() - 20);
  const auto bytes = std::as_bytes(std::span(cut));
  EXPECT_EQ(read_header(bytes, "pages").pages, 2);
  EXPECT_EQ(decode(bytes, "pages", {}, 0).rgb[0], 1);
  EXPECT_THROW(decode(bytes, "pages", {}, 1), Error);
}

TEST_F(TiffTest, CyclicListOfPagesEnds) {
  std::string bytes = TiffFile().add_grey(8, 4, std::string(32, '\1')).bytes();
  bytes.replace(bytes.size() - 4, 4, bytes.substr(4, 4));
  EXPECT_EQ(read_header(std::as_bytes(std::span(bytes)), "pages").pages, 1);
}

}  // namespace
}  // namespace oko::image

// HEIF as phones write it: gain maps, tone maps, alpha of several items, grids; codings that no
// decoder here knows.
#include "image/heif.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"
#include "image/jpeg.h"
#include "tests/image/samples.h"
#include "tests/support/heif_file.h"

namespace oko::image {
namespace {

constexpr int kHeifWidth = 24, kHeifHeight = 16;
constexpr const char* kGainMap = "urn:com:apple:photo:2020:aux:hdrgainmap";
constexpr const char* kAlpha = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";

class HeifTest : public ::testing::Test {
 protected:
  /// A picture of 24 × 16 pixels, coded as AV1.
  HeifFile& add_picture(HeifFile& file, int id, const std::string& further = {}) const {
    std::vector<std::string> properties = properties_;
    if (!further.empty()) properties.push_back(further);
    return file.add_item(id, "av01", coded_, std::move(properties));
  }
  /// The same with an auxiliary one of `urn`, which belongs to it (1) and to a tone map (3) too.
  HeifFile with_auxiliary(const std::string& urn) const {
    HeifFile file;
    add_picture(file, 1);
    add_picture(file, 2, HeifFile::auxiliary_type(urn));
    file.add_item(3, "tmap", std::string(62, '\0'),
                  {HeifFile::image_size(kHeifWidth, kHeifHeight)});
    return std::move(file.refer("auxl", 2, {3, 1}).refer("dimg", 3, {1, 2}));
  }
  static std::string refusal(const std::string& bytes) {
    try {
      decode_text(bytes);
    } catch (const Error& error) {
      EXPECT_TRUE(is_of_input(error.code()));
      return error.what();
    }
    return "no error";
  }

  const std::string sample_ = read_data("picture.avif");
  const Image plain_ = decode_text(sample_);
  const std::string coded_ = HeifFile::find_box(sample_, "mdat").substr(8);
  const std::vector<std::string> properties_ = {
      HeifFile::find_box(sample_, "ispe"), HeifFile::find_box(sample_, "pixi"),
      HeifFile::find_box(sample_, "av1C"), HeifFile::find_box(sample_, "colr")};
};

TEST_F(HeifTest, BaseOfAGainMapIsRead) {
  const HeifFile file = with_auxiliary(kGainMap);
  EXPECT_EQ(decode_text(file.bytes(1)).rgb, plain_.rgb);
  EXPECT_EQ(decode_text(file.bytes(3)).rgb, plain_.rgb) << "the tone map is the primary item";
}

TEST_F(HeifTest, AlphaOfSeveralItemsIsApplied) {
  const Image image = decode_text(with_auxiliary(kAlpha).bytes(1));
  ASSERT_EQ(image.rgb.size(), plain_.rgb.size());
  // The picture is its own alpha, as grey: white shows through its dark parts.
  int lighter = 0;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    ASSERT_GE(image.rgb[i] + 1, plain_.rgb[i]) << i;
    lighter += image.rgb[i] > plain_.rgb[i] + 20 ? 1 : 0;
  }
  EXPECT_GT(lighter, 200);
}

TEST_F(HeifTest, OtherPicturesAreCountedAndPartsOfTheFirstAreNot) {
  const auto others = [](const std::string& bytes) {
    return read_header(std::as_bytes(std::span(bytes)), "picture").others;
  };
  EXPECT_EQ(others(sample_), 0);
  EXPECT_EQ(others(read_data("lossless.heic")), 0);
  EXPECT_EQ(others(with_auxiliary(kGainMap).bytes(1)), 0);
  EXPECT_EQ(others(with_auxiliary(kGainMap).bytes(3)), 0);
  HeifFile file;
  add_picture(file, 1);
  add_picture(file, 2);
  add_picture(file, 3);
  EXPECT_EQ(others(file.bytes(1)), 2);
  EXPECT_EQ(others(file.refer("thmb", 3, {1}).bytes(2)), 1);
  const auto box = [](const std::string& type, const std::string& content) {
    return HeifFile::box(type, content);
  };
  // libheif reads the tracks of kinds that it knows, so this one has none.
  const auto zeros = [](const std::string& type, std::size_t count) {
    return HeifFile::full_box(type, std::string(count, '\0'));
  };
  const std::string sizes =
      HeifFile::full_box("stsz", HeifFile::number(1000, 4) + HeifFile::number(25, 4));
  const std::string table = zeros("stsd", 4) + sizes;
  const std::string media = zeros("mdhd", 20) + zeros("hdlr", 21) + box("minf", box("stbl", table));
  const std::string track =
      box("moov", zeros("mvhd", 96) + box("trak", zeros("tkhd", 80) + box("mdia", media)));
  EXPECT_EQ(others(sample_ + track), 24);
  EXPECT_EQ(others(read_data("animated.gif")), 1);
  EXPECT_EQ(others(read_data("animated.webp")), 1);
  EXPECT_EQ(others(read_data("pages.tiff")), 0);
}

TEST_F(HeifTest, TilesStandInTheirPlaces) {
  HeifFile file;
  file.add_item(1, "grid", HeifFile::grid(1, 2, 2 * kHeifWidth, kHeifHeight),
                {HeifFile::image_size(2 * kHeifWidth, kHeifHeight)});
  add_picture(file, 4);
  add_picture(file, 5);
  file.refer("dimg", 1, {4, 5});
  const Image image = decode_text(file.bytes(1));
  ASSERT_EQ(image.width, 2 * kHeifWidth);
  for (int y = 0; y < kHeifHeight; ++y) {
    for (int i = 0; i < 2 * 3 * kHeifWidth; ++i) {
      ASSERT_NEAR(image.rgb[y * 6 * kHeifWidth + i],
                  plain_.rgb[y * 3 * kHeifWidth + i % (3 * kHeifWidth)], 1);
    }
  }
}

TEST_F(HeifTest, AcceptsManyTiles) {
  // Newer versions of libheif stop at 256 items unless told otherwise.
  constexpr int kRows = 2, kColumns = 150, kTiles = kRows * kColumns;
  const int width = kColumns * kHeifWidth, height = kRows * kHeifHeight;
  HeifFile file;
  file.add_item(1, "grid", HeifFile::grid(kRows, kColumns, width, height),
                {HeifFile::image_size(width, height)});
  std::vector<int> tiles(kTiles);
  std::iota(tiles.begin(), tiles.end(), 4);
  for (const int tile : tiles) add_picture(file, tile);
  EXPECT_EQ(decode_text(file.refer("dimg", 1, tiles).bytes(1)).width, width);
}

TEST_F(HeifTest, OtherCodingsAreRefusedByName) {
  const auto coded_as = [](const char* type, const char* brand) {
    HeifFile file;
    file.add_item(1, type, std::string(200, '\1'), {HeifFile::image_size(kHeifWidth, kHeifHeight)});
    return refusal(file.bytes(1, brand));
  };
  const std::string kind = "picture: oko does not read this kind of HEIC: ";
  EXPECT_EQ(coded_as("avc1", "avci"), kind + "AVC (H.264)");
  EXPECT_EQ(coded_as("vvc1", "mif1"), kind + "VVC (H.266)");
  EXPECT_EQ(coded_as("j2k1", "mif1"), kind + "JPEG 2000");
  EXPECT_EQ(coded_as("abcd", "mif1"), kind + "abcd");
}

TEST_F(HeifTest, PlainFilesStayAsTheyAre) {
  for (const char* name : {"picture.avif", "lossless.heic", "rgb.png"}) {
    const std::string bytes = read_data(name);
    EXPECT_FALSE(readable_heif(std::as_bytes(std::span(bytes)))) << name;
    EXPECT_EQ(unusual_heif(std::as_bytes(std::span(bytes))), "") << name;
  }
}

TEST_F(HeifTest, CutFilesOfAnyLengthAreErrors) {
  const std::string bytes = with_auxiliary(kGainMap).bytes(3);
  for (std::size_t kept = 40; kept < bytes.size() - coded_.size(); kept += 7) {
    EXPECT_NE(refusal(bytes.substr(0, kept)), "no error") << kept;
  }
}

TEST_F(HeifTest, GainMapBehindAJpegIsLeftOut) {
  const std::string jpeg = encode_jpeg(plain_, 90);
  const std::string gain = encode_jpeg({8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 77)}, 90);
  EXPECT_EQ(decode_text(jpeg + gain).rgb, decode_text(jpeg).rgb);
}

}  // namespace
}  // namespace oko::image

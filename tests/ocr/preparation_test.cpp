#include "ocr/preparation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace oko::ocr {
namespace {

image::Image load(const std::string& name) {
  return image::load(std::string(OKO_TEST_DATA) + "/" + name);
}

image::Image blank(int width, int height, std::uint8_t value = 255) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3, value)};
}

TEST(PreparationTest, SmallLettersAreEnlargedAndLargeOnesAreNot) {
  EXPECT_GT(prepare(load("text_12_clean_0.png")).scale, 2.0f);
  EXPECT_LT(prepare(load("text_12_clean_0.png")).scale, 4.01f);
  EXPECT_NEAR(prepare(load("text_28_clean_0.png")).scale, 1.3f, 0.25f);
}

TEST(PreparationTest, RotatedPageIsLevelled) {
  EXPECT_EQ(prepare(load("text_16_clean_0.png")).angle, 0.0f);
  // 3 degrees counterclockwise, turned back clockwise.
  EXPECT_NEAR(prepare(load("text_16_rotated_0.png")).angle, 3 * M_PI / 180, 0.005);
}

TEST(PreparationTest, PlaceOnThePreparedPictureIsFoundInTheOriginal) {
  // A dot is where Leptonica's own rotation and scaling take it.
  PreparedPicture picture;
  picture.width = 300;
  picture.height = 200;
  picture.scale = 2;
  picture.angle = 0.05f;
  const PixPointer page(pixCreate(600, 400, 8));
  pixSetAllGray(page.get(), 255);
  pixRasterop(page.get(), 500, 60, 8, 8, PIX_CLR, nullptr, 0, 0);  // (250..254, 30..34) before
  picture.pix.reset(
      pixRotate(page.get(), picture.angle, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 600, 400));
  const PixPointer binary(pixThresholdToBinary(picture.pix.get(), 128));
  Boxa* boxes = pixConnCompBB(binary.get(), 8);
  int left = 0, top = 0, width = 0, height = 0;
  boxaGetBoxGeometry(boxes, 0, &left, &top, &width, &height);
  boxaDestroy(&boxes);
  const int right = pixGetWidth(picture.pix.get());
  EXPECT_GE(right, 600);
  const Box box = picture.in_original({static_cast<float>(left), static_cast<float>(top),
                                       static_cast<float>(width), static_cast<float>(height)});
  EXPECT_NEAR(box.left + box.width / 2, 252, 0.7);
  EXPECT_NEAR(box.top + box.height / 2, 32, 0.7);
}

TEST(PreparationTest, BoxesStayInsideTheOriginal) {
  PreparedPicture picture;
  picture.width = 50;
  picture.height = 40;
  picture.pix.reset(pixCreate(50, 40, 8));
  EXPECT_EQ(picture.in_original({-10, -10, 100, 100}), (Box{0, 0, 50, 40}));
  EXPECT_EQ(picture.in_original({60, 10, 5, 5}).width, 0);
}

TEST(PreparationTest, RulesOfATableAreKnown) {
  const PreparedPicture table = prepare(load("table_0.png"));
  EXPECT_GE(table.rules.size(), 3u);
  const Box& rule = table.rules.front();
  EXPECT_TRUE(table.is_rule({rule.left - 3, rule.top + 10, 6, 20}));
  EXPECT_FALSE(table.is_rule({rule.left + 30, rule.top + 10, 6, 20}));
  EXPECT_TRUE(prepare(load("text_16_clean_0.png")).rules.empty());
}

TEST(PreparationTest, PicturesWithoutTextStayAsTheyAre) {
  for (const auto& image : {blank(1, 1), blank(300, 200), blank(300, 200, 0), blank(1, 900)}) {
    const PreparedPicture picture = prepare(image);
    EXPECT_EQ(pixGetWidth(picture.pix.get()), image.width);
    EXPECT_EQ(picture.scale, 1.0f);
    EXPECT_EQ(picture.angle, 0.0f);
  }
}

TEST(PreparationTest, LargePictureIsNotMadeLarger) {
  // Dots like the smallest letters, over 20 million pixels.
  image::Image image = blank(5000, 4000);
  for (int y = 100; y < 3900; y += 40) {
    for (int x = 100; x < 4900; x += 40) {
      for (int i = 0; i < 5 * 15; ++i)
        image.rgb[static_cast<std::size_t>((y + i / 15) * 5000 + x) * 3 +
                  static_cast<std::size_t>(i % 15)] = 0;
    }
  }
  const PreparedPicture picture = prepare(image);
  EXPECT_LE(pixGetWidth(picture.pix.get()) * pixGetHeight(picture.pix.get()), 24'100'000);
}

}  // namespace
}  // namespace oko::ocr

#include "ocr/preparation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "ocr/desk.h"
#include "ocr/ground.h"
#include "ocr/perspective.h"
#include "tests/ocr/conditions.h"

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

TEST(PreparationTest, ShrinksPicturesBeyondTesseractsLimit) {
  image::Image strip = blank(400, 34'000);  // less than a tenth too long
  const image::Image page = load("text_28_clean_0.png");
  for (int y = 0; y < 400; ++y) {
    std::copy_n(page.rgb.begin() + std::ptrdiff_t{3} * y * page.width, 1200,
                strip.rgb.begin() + std::ptrdiff_t{3} * y * strip.width);
  }
  for (const image::Image& picture : {strip, blank(3, 60'000), blank(60'000, 3)}) {
    const PreparedPicture prepared = prepare(picture);
    const int longest = std::max(pixGetWidth(prepared.pix.get()), pixGetHeight(prepared.pix.get()));
    EXPECT_GT(longest, 30'000);
    EXPECT_LT(longest, 32'767);
  }
}

TEST(PreparationTest, RotatedPageIsLevelled) {
  EXPECT_EQ(prepare(load("text_16_clean_0.png")).angle, 0.0f);
  // 3 degrees counterclockwise, turned back clockwise.
  EXPECT_NEAR(prepare(load("text_16_rotated_0.png")).angle, 3 * M_PI / 180, 0.005);
}

TEST(PreparationTest, SteepPagesAreLevelledAndKeepTheirCorners) {
  const image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 300);
  for (const float degrees : {-12.0f, 18.0f}) {
    const PreparedPicture picture = prepare(tilted(page, degrees));
    EXPECT_NEAR(picture.angle, -degrees * M_PI / 180, 0.006) << degrees;
    EXPECT_GT(pixGetWidth(picture.pix.get()), pixGetWidth(picture.grey.get())) << degrees;
  }
}

TEST(PreparationTest, PlaceOnATurnedPictureIsFoundInTheOriginal) {
  PreparedPicture picture;
  picture.width = 300;
  picture.height = 200;
  picture.scale = 2;
  const PixPointer page(pixCreate(600, 400, 1));
  pixRasterop(page.get(), 500, 60, 8, 12, PIX_SET, nullptr, 0, 0);  // (250..254, 30..36) before
  for (const int turns : {1, 2, 3}) {
    picture.quarter_turns = turns;
    picture.pix.reset(pixRotateOrth(page.get(), turns));
    Boxa* boxes = pixConnCompBB(picture.pix.get(), 8);
    int left = 0, top = 0, width = 0, height = 0;
    boxaGetBoxGeometry(boxes, 0, &left, &top, &width, &height);
    boxaDestroy(&boxes);
    const document::Box box =
        picture.in_original({static_cast<float>(left), static_cast<float>(top),
                             static_cast<float>(width), static_cast<float>(height)});
    EXPECT_EQ(box, (document::Box{250, 30, 4, 6})) << turns;
  }
}

TEST(PreparationTest, ThinColouredPrintIsNoMarker) {
  // Orange print next to black: mistaken for a marker, it would become as light as paper.
  image::Image page = part(load("text_28_clean_0.png"), 0, 0, 900, 184);
  for (std::size_t i = 0; i < page.rgb.size(); i += 3) {
    const bool is_coloured = i / 3 / 900 % 80 < 40;
    if (is_coloured && page.rgb[i] < 128) page.rgb[i] = 255;
    if (is_coloured && page.rgb[i + 1] < 128) page.rgb[i + 1] = 120;
  }
  const PixPointer before = grey_pix(part(load("text_28_clean_0.png"), 0, 0, 900, 184));
  const PixPointer grey(pixCopy(nullptr, before.get()));
  remove_markers(page, grey.get());
  l_int32 same = 0;
  pixEqual(grey.get(), before.get(), &same);
  EXPECT_EQ(same, 1);
}

TEST(PreparationTest, LettersMayFillALowPictureAndFaintSpecksDoNotCount) {
  image::Image seven = blank(20, 29);
  seven = marked(std::move(seven), {0, 0, 20, 4}, {0, 0, 0});
  seven = marked(std::move(seven), {14, 0, 5, 29}, {0, 0, 0});
  EXPECT_EQ(prepare(seven).letters, 1);
  image::Image specks = blank(300, 200, 250);
  for (int i = 0; i < 60; ++i) {
    specks = marked(std::move(specks),
                    {static_cast<float>(i * 37 % 290), static_cast<float>(i * 53 % 190), 6, 8},
                    {235, 235, 235});
  }
  EXPECT_EQ(prepare(specks).letters, 0);
}

TEST(PreparationTest, LinesOfAPagePhotographedAtAnAngleAreMadeLevel) {
  const image::Image page = load("text_16_clean_0.png");
  EXPECT_FALSE(prepare(page).projection.has_value());
  EXPECT_FALSE(prepare(tilted(page, 12)).projection.has_value());
  for (const float far : {0.9f, 0.6f}) {
    const PreparedPicture picture = prepare(at_an_angle(page, far));
    ASSERT_TRUE(picture.projection.has_value()) << far;
    // Lines that were parallel to the edges are level.
    const float width = static_cast<float>(page.width) * picture.scale;
    const float height = static_cast<float>(page.height) * picture.scale;
    const float top = -height / 2 + 0.25f * height,
                far_top = -height / 2 * far + 0.25f * height * far;
    const float at_left = picture.projection->levelled({-width / 2, far_top}).y;
    const float at_right = picture.projection->levelled({width / 2, top}).y;
    EXPECT_NEAR(at_left, at_right, 4) << far;  // letters are 20 pixels tall
  }
}

TEST(PreparationTest, PlaceOnALevelledPictureIsFoundInTheOriginal) {
  PreparedPicture picture;
  picture.width = 300;
  picture.height = 200;
  picture.scale = 2;
  picture.projection = Projection{0.1f, 0.0005f};
  const PixPointer page(pixCreate(600, 400, 8));
  pixSetAllGray(page.get(), 255);
  pixRasterop(page.get(), 500, 60, 8, 8, PIX_CLR, nullptr, 0, 0);  // (250..254, 30..34) before
  picture.pix = projected(page.get(), *picture.projection, 1'000'000, 255);
  EXPECT_GT(pixGetWidth(picture.pix.get()), 600);
  const PixPointer binary(pixThresholdToBinary(picture.pix.get(), 128));
  Boxa* boxes = pixConnCompBB(binary.get(), 8);
  int left = 0, top = 0, width = 0, height = 0;
  boxaGetBoxGeometry(boxes, 0, &left, &top, &width, &height);
  boxaDestroy(&boxes);
  const document::Box box =
      picture.in_original({static_cast<float>(left), static_cast<float>(top),
                           static_cast<float>(width), static_cast<float>(height)});
  EXPECT_NEAR(box.left + box.width / 2, 252, 0.7);
  EXPECT_NEAR(box.top + box.height / 2, 32, 0.7);
}

TEST(PreparationTest, LevelledPictureIsAsLargeAsIsAllowed) {
  const PixPointer page(pixCreate(600, 400, 8));
  Projection projection{0.1f, 0.001f};
  const PixPointer free = projected(page.get(), projection, 10'000'000, 255);
  EXPECT_GT(pixGetWidth(free.get()) * pixGetHeight(free.get()), 400'000);
  EXPECT_EQ(projection.zoom, 1);
  const PixPointer bound = projected(page.get(), projection, 300'000, 255);
  EXPECT_LT(pixGetWidth(bound.get()) * pixGetHeight(bound.get()), 303'000);
  const Point place = projection.original(projection.levelled({70, -50}));
  EXPECT_NEAR(place.x, 70, 0.01);
  EXPECT_NEAR(place.y, -50, 0.01);
}

TEST(PreparationTest, DeskAroundAPageBecomesPaper) {
  const image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 300);
  const PreparedPicture picture = prepare(at_an_angle(on_desk(page, 90), 0.8f));
  EXPECT_TRUE(picture.on_desk);
  EXPECT_NEAR(picture.letters, prepare(page).letters, 40);
  l_uint32 desk = 0;
  pixGetPixel(picture.grey.get(), pixGetWidth(picture.grey.get()) - 60, 60, &desk);
  EXPECT_GT(desk, 200u);
  EXPECT_FALSE(prepare(page).on_desk);
  EXPECT_FALSE(prepare(on_desk(page, 90)).on_desk);  // level, as panels of a screen are
}

TEST(PreparationTest, GroundWithPrintIsNoDesk) {
  const image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 300);
  const image::Image line = part(page, 40, 44, 300, 22);
  for (const auto& [desk, is_light] : {std::pair{90, true}, {150, false}}) {
    image::Image photo = at_an_angle(on_desk(page, desk), 0.8f);
    EXPECT_TRUE(prepare(photo).on_desk) << desk;
    for (std::size_t i = 0; i < line.rgb.size(); ++i) {
      const std::size_t width = 3 * static_cast<std::size_t>(line.width);
      const std::size_t at = 3 * static_cast<std::size_t>(photo.width) * (80 + i / width) + 1500;
      if (line.rgb[i] < 128) photo.rgb[at + i % width] = is_light ? 255 : 0;
    }
    EXPECT_FALSE(prepare(photo).on_desk) << desk;
  }
}

TEST(PreparationTest, LightPrintOnDarkGroundIsNoPage) {
  // Its lines are so close that the dark between them is narrower than letters.
  image::Image night = blank(700, 276, 32);
  for (int y = 6; y < 270; y += 24) {
    std::fill_n(night.rgb.begin() + std::ptrdiff_t{3} * y * 700, 3 * 700 * 6, 255);
  }
  const image::Image screen = part(tilted(on_desk(night, 32), 3), 60, 60, 900, 476);
  EXPECT_FALSE(without_desk(grey_pix(screen).get()));
}

TEST(PreparationTest, PageOnADeskHasNoDents) {
  const image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 300);
  EXPECT_TRUE(without_desk(grey_pix(on_desk(page, 120)).get()));
  image::Image dented = on_desk(page, 120);
  for (int y = 160; y < 310; ++y) {
    std::fill_n(dented.rgb.begin() + 3 * (std::ptrdiff_t{y} * dented.width + 385), 3 * 450, 120);
  }
  EXPECT_FALSE(without_desk(grey_pix(dented).get()));
}

TEST(PreparationTest, LightThatFallsOffIsMadeEven) {
  const image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 300);
  EXPECT_FALSE(prepare(page).is_even);
  const image::Image dark = shaded(page, 0.3);
  const PreparedPicture picture = prepare(dark);
  EXPECT_TRUE(picture.is_even);
  // Paper at the right edge is as light as at the left.
  l_uint32 left = 0, right = 0;
  pixGetPixel(picture.grey.get(), 6, 6, &left);
  pixGetPixel(picture.grey.get(), pixGetWidth(picture.grey.get()) - 7, 6, &right);
  EXPECT_NEAR(static_cast<int>(left), static_cast<int>(right), 20);
}

TEST(PreparationTest, DarkBandIsNoUnevenLight) {
  image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 300);
  std::fill(page.rgb.begin(), page.rgb.begin() + std::ptrdiff_t{3} * 900 * 60, 40);
  EXPECT_FALSE(prepare(page).is_even);
}

TEST(PreparationTest, MarkersGoAndPrintStays) {
  const image::Image page = part(load("text_28_clean_0.png"), 0, 0, 900, 200);
  const PixPointer plain = grey_pix(page), grey = grey_pix(page);
  const image::Image coloured = marked(page, {100, 30, 500, 60}, {255, 150, 200});
  for (int y = 30; y < 90; ++y) {  // luma
    for (int x = 100; x < 600; ++x) {
      l_uint32 value = 0;
      pixGetPixel(plain.get(), x, y, &value);
      pixSetPixel(grey.get(), x, y, value * 187 / 255);
    }
  }
  remove_markers(coloured, grey.get());
  l_int32 same = 0;
  pixEqual(grey.get(), plain.get(), &same);
  EXPECT_EQ(same, 1);
}

TEST(PreparationTest, BrightPrintIsNoMarker) {
  // Thick red bars on white paper, with nothing dark on them.
  image::Image image = blank(400, 200);
  image = marked(std::move(image), {50, 50, 200, 40}, {255, 0, 0});
  const PixPointer grey(pixCreate(400, 200, 8));
  remove_markers(image, grey.get());
  l_uint32 value = 1;
  pixGetPixel(grey.get(), 100, 60, &value);
  EXPECT_EQ(value, 0u);
}

TEST(PreparationTest, RowsOfLettersMayBeTextAndTexturesMayNot) {
  const image::Image page = part(load("text_16_clean_0.png"), 0, 0, 900, 120);
  EXPECT_TRUE(may_have_text(prepare(page)));
  EXPECT_TRUE(may_have_text(prepare(quarter_turned(page, 1))));
  const PixPointer blurred(pixBlockconv(grey_pix(page).get(), 4, 4));
  EXPECT_TRUE(may_have_text(prepare(image_of(blurred.get()))));
  unsigned state = 1;
  const auto random = [&](int below) {
    state = state * 1'103'515'245 + 12'345;
    return static_cast<int>(state >> 16) % below;
  };
  image::Image leaves = blank(600, 400), noise = blank(600, 400);
  for (int i = 0; i < 400; ++i) {
    const int left = random(580), top = random(380), width = 3 + random(14),
              height = 3 + random(14);
    leaves = marked(std::move(leaves),
                    {static_cast<float>(left), static_cast<float>(top), static_cast<float>(width),
                     static_cast<float>(height)},
                    {30, 30, 30});
  }
  for (std::size_t i = 0; i < noise.rgb.size(); i += 3) {
    std::fill_n(noise.rgb.begin() + static_cast<std::ptrdiff_t>(i), 3,
                static_cast<std::uint8_t>(random(256)));
  }
  EXPECT_FALSE(may_have_text(prepare(leaves)));
  EXPECT_FALSE(may_have_text(prepare(noise)));
  EXPECT_FALSE(may_have_text(
      prepare(image::load(std::string(OKO_SOURCE_DIR) + "/demo/images/three_in_a_row.png"))));
}

TEST(PreparationTest, PrintAtTheEdgeGetsAMargin) {
  const image::Image page = load("text_28_clean_0.png");
  const PreparedPicture whole = prepare(part(page, 0, 0, 900, 184));
  EXPECT_NEAR(static_cast<float>(pixGetWidth(whole.pix.get())), 900 * whole.scale, 1);
  const PreparedPicture cut = prepare(part(page, 60, 0, 800, 184));
  EXPECT_NEAR(static_cast<float>(pixGetWidth(cut.pix.get())), 800 * cut.scale + 48, 1);
  const document::Box corner = cut.in_original({24, 24, 10, 10});
  EXPECT_NEAR(corner.left, 0, 0.6f);
  EXPECT_NEAR(corner.top, 0, 0.6f);
}

TEST(PreparationTest, SampleHasTheMostLetters) {
  image::Image page = blank(900, 900);
  const image::Image text = part(load("text_16_clean_0.png"), 40, 40, 300, 100);
  for (int y = 0; y < text.height; ++y) {
    const auto row = text.rgb.begin() + 3 * std::ptrdiff_t{y} * text.width;
    std::copy(row, row + 3 * std::ptrdiff_t{text.width},
              page.rgb.begin() + 3 * ((std::ptrdiff_t{700} + y) * 900 + 500));
  }
  const PreparedPicture sample = sample_of(prepare(page));
  EXPECT_GT(sample.letters, 60);
  EXPECT_EQ(sample.width, kSampleSide);
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
  const document::Box box =
      picture.in_original({static_cast<float>(left), static_cast<float>(top),
                           static_cast<float>(width), static_cast<float>(height)});
  EXPECT_NEAR(box.left + box.width / 2, 252, 0.7);
  EXPECT_NEAR(box.top + box.height / 2, 32, 0.7);
}

TEST(PreparationTest, BoxesStayInsideTheOriginal) {
  PreparedPicture picture;
  picture.width = 50;
  picture.height = 40;
  picture.pix.reset(pixCreate(50, 40, 8));
  EXPECT_EQ(picture.in_original({-10, -10, 100, 100}), (document::Box{0, 0, 50, 40}));
  EXPECT_EQ(picture.in_original({60, 10, 5, 5}).width, 0);
}

TEST(PreparationTest, FindsRulesOfATable) {
  const PreparedPicture table = prepare(load("table_0.png"));
  EXPECT_GE(table.ruling_lines.size(), 3u);
  const document::Box& rule = table.ruling_lines.front();
  EXPECT_TRUE(table.is_ruling_line({rule.left - 3, rule.top + 10, 6, 20}));
  EXPECT_FALSE(table.is_ruling_line({rule.left + 30, rule.top + 10, 6, 20}));
  EXPECT_TRUE(prepare(load("text_16_clean_0.png")).ruling_lines.empty());
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

// The picture of a match: where its box is, how large its lines are, and what it is not made of.
#include "tasks/match_picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/file.h"
#include "base/input_file.h"
#include "image/png.h"
#include "tests/support/scratch_folder.h"

namespace oko::tasks {
namespace {

using Colour = std::array<int, 3>;
constexpr Colour kRed{230, 30, 30}, kWhite{255, 255, 255}, kBlack{0, 0, 0};

Colour at(const image::Image& image, int x, int y) {
  const auto index = [](int value) { return static_cast<std::size_t>(value); };
  const std::size_t pixel = 3 * (index(y) * index(image.width) + index(x));
  return {image.rgb.at(pixel), image.rgb.at(pixel + 1), image.rgb.at(pixel + 2)};
}

/// The outline of all pixels of a colour.
PixelRect outline_of(const image::Image& image, const Colour& colour) {
  int left = image.width, top = image.height, right = 0, bottom = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (at(image, x, y) != colour) continue;
      left = std::min(left, x);
      top = std::min(top, y);
      right = std::max(right, x + 1);
      bottom = std::max(bottom, y + 1);
    }
  }
  return {left, top, std::max(right - left, 0), std::max(bottom - top, 0)};
}

class MatchPictureTest : public ScratchFolderTest {
 protected:
  /// A white page with a black rectangle, as a document that was indexed.
  index::Document page(int width, int height, const PixelRect& black) {
    image::Image image{.width = width, .height = height, .rgb = {}};
    image.rgb.assign(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height), 255);
    for (int y = black.top; y < black.top + black.height; ++y) {
      const auto begin = image.rgb.begin() + 3 * (y * width + black.left);
      std::fill(begin, begin + 3 * black.width, std::uint8_t{0});
    }
    const auto path = folder_ / "page.png";
    write_file_atomically(path, std::string_view(image::encode_png(image)));
    return indexed(path, index::DocumentKind::kPicture);
  }

  static index::Document indexed(const std::filesystem::path& path, index::DocumentKind kind) {
    const InputFile file(path, ErrorCode::kBadInput);
    index::Document document;
    document.path = path.string();
    document.kind = kind;
    document.size_bytes = file.size();
    document.modified_ns = file.identity().modified_ns;
    return document;
  }

  static index::PageBox part(const PixelRect& rect, int width, int height) {
    const auto w = static_cast<float>(width), h = static_cast<float>(height);
    return {static_cast<float>(rect.left) / w, static_cast<float>(rect.top) / h,
            static_cast<float>(rect.width) / w, static_cast<float>(rect.height) / h};
  }

  /// A chunk whose only line is `box`.
  static index::Chunk chunk_of(const index::PageBox& box) {
    index::Chunk chunk;
    chunk.lines = {{.begin = 0, .end = 1, .box = box}};
    return chunk;
  }
};

TEST_F(MatchPictureTest, PngKeepsEveryPixel) {
  image::Image image{.width = 3, .height = 2, .rgb = {}};
  for (int i = 0; i < 18; ++i) image.rgb.push_back(static_cast<std::uint8_t>(13 * i));
  const std::string png = image::encode_png(image);
  const image::Image again = image::decode(std::as_bytes(std::span(png)), "a.png");
  EXPECT_EQ(again.width, 3);
  EXPECT_EQ(again.rgb, image.rgb);
}

TEST_F(MatchPictureTest, AFrameIsAroundTheBoxInTheMiddleOfItsPart) {
  const PixelRect box{1000, 2000, 300, 20};
  const index::Document document = page(2000, 3000, box);
  const index::PageBox share = part(box, 2000, 3000);
  const image::Image picture = picture_of_match(document, chunk_of(share), share, {});
  EXPECT_EQ(picture.width, 720);
  EXPECT_EQ(picture.height, 200);
  // The line is less than 28 pixels high, so nothing is scaled.
  EXPECT_EQ(outline_of(picture, kBlack), (PixelRect{210, 90, 300, 20}));
  EXPECT_EQ(outline_of(picture, kRed), (PixelRect{206, 86, 308, 28}));
  EXPECT_EQ(at(picture, 206, 100), kRed);
  EXPECT_EQ(at(picture, 207, 100), kRed);
  EXPECT_EQ(at(picture, 208, 100), kWhite);
  EXPECT_EQ(at(picture, 300, 87), kRed);
  EXPECT_EQ(at(picture, 300, 88), kWhite);
}

TEST_F(MatchPictureTest, TheFrameIsWholeAtTheEdgeOfThePage) {
  const PixelRect box{0, 2980, 300, 20};
  const index::Document document = page(2000, 3000, box);
  const index::PageBox share = part(box, 2000, 3000);
  const image::Image picture = picture_of_match(document, chunk_of(share), share, {});
  EXPECT_EQ(outline_of(picture, kBlack), (PixelRect{0, 180, 300, 20}));
  EXPECT_EQ(outline_of(picture, kRed), (PixelRect{0, 176, 304, 24}));
}

TEST_F(MatchPictureTest, LargeLinesAreShrunkAndSmallOnesStayReadable) {
  const MatchPictureOptions options{.max_width = 700, .max_height = 200};
  // Lines of 112 pixels become 28 high.
  EXPECT_EQ(view_of_match(8000, 8000, {4000, 4000, 800, 112}, 112, options).scale, 0.25);
  // A line that is too wide for that is shrunk until it fits.
  const MatchView wide = view_of_match(4000, 6000, {200, 3000, 1310, 30}, 30, options);
  EXPECT_EQ(wide.scale, 0.5);
  EXPECT_EQ(wide.part, (PixelRect{155, 2815, 1400, 400}));
  // A passage of many lines is shrunk until they are 14 high: what fits begins with its first.
  const MatchView tall = view_of_match(2000, 3000, {100, 200, 1000, 2500}, 28, options);
  EXPECT_EQ(tall.scale, 0.5);
  EXPECT_EQ(tall.part, (PixelRect{0, 158, 1400, 400}));
  // No page is shrunk more than it must be to fit.
  EXPECT_EQ(view_of_match(800, 250, {0, 0, 800, 250}, 250, options).scale, 0.8);
  EXPECT_EQ(view_of_match(300, 100, {0, 0, 300, 100}, 100, options).part,
            (PixelRect{0, 0, 300, 100}));
}

TEST_F(MatchPictureTest, WithoutABoxThePageIsShown) {
  const index::Document document = page(1000, 2000, {0, 0, 1, 1});
  const image::Image picture = picture_of_match(document, {}, std::nullopt, {});
  EXPECT_EQ(picture.width, 100);
  EXPECT_EQ(picture.height, 200);
  EXPECT_EQ(outline_of(picture, kRed).width, 0);
}

TEST_F(MatchPictureTest, APageOfAPdfIsDrawn) {
  const index::Document document =
      indexed(OKO_SOURCE_DIR "/tests/document/data/text.pdf", index::DocumentKind::kPdf);
  const index::PageBox box{0.1f, 0.1f, 0.5f, 0.02f};
  index::Chunk chunk = chunk_of(box);
  chunk.page = 1;
  const image::Image picture = picture_of_match(document, chunk, box, {});
  EXPECT_GT(outline_of(picture, kBlack).width, 0);
  EXPECT_GT(outline_of(picture, kRed).width, 100);
  chunk.page = 99;
  message_of([&] { picture_of_match(document, chunk, box, {}); }, ErrorCode::kNotFound);
}

TEST_F(MatchPictureTest, AFileThatIsGoneOrHasChangedIsNotDrawn) {
  index::Document document = page(100, 100, {0, 0, 10, 10});
  document.modified_ns += 1;
  EXPECT_NE(
      message_of([&] { picture_of_match(document, {}, std::nullopt, {}); }, ErrorCode::kBadInput)
          .find("page.png: has changed since it was indexed"),
      std::string::npos);
  std::filesystem::remove(document.path);
  message_of([&] { picture_of_match(document, {}, std::nullopt, {}); }, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace oko::tasks

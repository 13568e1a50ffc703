// Pictures are shrunk until they fit.
#include "image/fit.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "base/file.h"
#include "image/jpeg.h"
#include "tests/support/scratch_folder.h"

namespace oko::image {
namespace {

class Fit : public ScratchFolderTest {
 protected:
  std::filesystem::path picture(int width, int height) {
    const std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * width * height), 255);
    const std::filesystem::path path = folder_ / "picture.jpg";
    write_file_atomically(path, std::string_view(encode_jpeg({width, height, rgb}, 50)));
    return path;
  }

  static Fitted fit_pixels(const std::filesystem::path& path, std::uint64_t pixels) {
    return fit(InputFile(path, ErrorCode::kBadInput), 0, pixels, [](const Header& header) {
      return static_cast<std::uint64_t>(header.width) * static_cast<std::uint64_t>(header.height);
    });
  }
};

TEST_F(Fit, APictureIsShrunkNoMoreThanItMustBe) {
  const auto path = picture(4000, 3000);
  for (const auto& [pixels, shrink] : {std::pair{12'000'000, 1}, {11'999'999, 2}, {3'000'000, 2}}) {
    const Fitted fitted = fit_pixels(path, pixels);
    EXPECT_EQ(fitted.header.shrink, shrink) << pixels;
    const Image image = load(path, fitted.limits);
    EXPECT_EQ(std::tuple(image.width, image.height), std::tuple(4000 / shrink, 3000 / shrink));
    EXPECT_EQ(std::tuple(fitted.header.width, fitted.header.height),
              std::tuple(image.width, image.height));
  }
}

TEST_F(Fit, APictureIsNotShrunkBelowAMegapixel) {
  EXPECT_EQ(fit_pixels(picture(4000, 3000), 1).header.shrink, 2);
  EXPECT_EQ(fit_pixels(picture(1900, 1900), 1).header.shrink, 1);
}

TEST_F(Fit, NoteHasPixelsOfTheFileAndOfThePicture) {
  const auto path = picture(4000, 3000);
  EXPECT_EQ(shrinking_of(load(path, fit_pixels(path, 3'000'000).limits)).in(Language::kEnglish),
            "4000 × 3000 pixels, shrunk to 2000 × 1500 while decoding");
}

}  // namespace
}  // namespace oko::image

#include "image/image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/localized_text.h"
#include "image/jpeg.h"
#include "tests/image/patterns.h"
#include "tests/image/samples.h"

namespace oko::image {
namespace {

class ImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("oko_image_test_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, std::string_view bytes) {
    write_file_atomically(folder_ / name, bytes);
    return folder_ / name;
  }

  template <typename Function>
  ErrorCode code_of(Function function) {
    try {
      function();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kFailed;
  }

  template <typename Function>
  std::string message_of(Function function, Language language = Language::kEnglish) {
    try {
      function();
    } catch (const Error& error) {
      EXPECT_TRUE(is_of_input(error.code()));
      return error.message().in(language);
    }
    return "no error";
  }

  std::filesystem::path folder_;
};

Image read_ppm(const std::string& name) {
  const std::string text = read_data(name);
  std::istringstream in(text);
  std::string kind;
  int most = 0;
  Image image;
  in >> kind >> image.width >> image.height >> most;
  const auto start = text.begin() + static_cast<std::ptrdiff_t>(in.tellg()) + 1;
  image.rgb.assign(start, text.end());
  return image;
}

int largest_difference(const Image& a, const Image& b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) {
    largest = std::max(largest, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
  }
  return largest;
}

/// A PNG of 33 bytes that declares `width` × `height` and has no pixels.
std::string png_header(std::uint32_t width, std::uint32_t height) {
  std::string bytes = read_data("rgb.png").substr(0, 33);
  for (int i = 0; i < 4; ++i) {
    bytes[16 + i] = static_cast<char>(width >> (24 - 8 * i));
    bytes[20 + i] = static_cast<char>(height >> (24 - 8 * i));
  }
  return bytes;
}

TEST_F(ImageTest, EverySampleHasThePixelsThatPillowReads) {
  const std::vector<Sample> samples = all_samples();
  EXPECT_GE(samples.size(), 55u);
  for (const Sample& sample : samples) {
    SCOPED_TRACE(sample.file);
    try {
      const Image image = load(std::string(OKO_TEST_DATA "/") + sample.file);
      const Image expected = read_ppm(sample.expected);
      EXPECT_EQ(image.width, expected.width);
      EXPECT_EQ(image.height, expected.height);
      ASSERT_EQ(image.rgb.size(), expected.rgb.size());
      EXPECT_LE(largest_difference(image, expected), sample.tolerance);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST_F(ImageTest, DetectsFormatByContentNotByName) {
  const auto path = write("photo.jpg", read_data("rgb.png"));
  EXPECT_EQ(load(path).rgb, load(OKO_TEST_DATA "/rgb.png").rgb);
}

TEST_F(ImageTest, HeaderIsReadWithoutPixels) {
  for (const char* name : {"orientation_6.jpg", "24.bmp", "lossless.heic"}) {
    const std::string bytes = read_data(name);
    const Header header = read_header(std::as_bytes(std::span(bytes)), name);
    EXPECT_EQ(header.width, name[0] == '2' ? 23 : 24);
    EXPECT_EQ(header.height, 16);
  }
}

TEST_F(ImageTest, PagesOfATiffAreReadOneByOne) {
  const std::filesystem::path file = std::filesystem::path(OKO_TEST_DATA) / "pages.tiff";
  EXPECT_EQ(read_header(file).pages, 2);
  EXPECT_EQ(page_count(file), 2);
  const Image first = load(file, {}, 0), second = load(file, {}, 1);
  ASSERT_EQ(second.rgb.size(), first.rgb.size());
  for (std::size_t i = 0; i < first.rgb.size(); ++i) {
    ASSERT_EQ(second.rgb[i], 255 - first.rgb[i]) << i;  // the second page is the first, inverted
  }
  EXPECT_NE(message_of([&] { load(file, {}, 2); }).find("pages.tiff, page 3"), std::string::npos);
  const auto png = write("one.png", read_data("rgb.png"));
  EXPECT_EQ(read_header(png).pages, 1);
  EXPECT_EQ(page_count(png), 1);
  EXPECT_NE(message_of([&] { load(png, {}, 1); }).find("one page only"), std::string::npos);
}

TEST_F(ImageTest, ErrorsTellWhatAClientCanChange) {
  EXPECT_EQ(code_of([&] { load(folder_ / "none.png"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { decode_text("words", "a.jpg"); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of([&] { decode_text(png_header(30000, 30000), "a.png"); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of([&] { decode_text(read_data("rgb.png").substr(0, 100), "a.png"); }),
            ErrorCode::kBadInput);
}

TEST_F(ImageTest, NamesTheKindOfOtherFiles) {
  const auto message = [&](std::string_view bytes) {
    const auto path = write("photo.jpg", bytes);
    const std::string text = message_of([&] { load(path); });
    return text.substr(text.find("photo.jpg"));
  };
  const auto looks_like = [](std::string_view what) {
    return "photo.jpg: is not a picture oko can read (it starts like " + std::string(what) + ")";
  };
  EXPECT_EQ(message("just some words\n"), looks_like("plain text"));
  EXPECT_EQ(message("BMW is a car, and this is text"), looks_like("plain text"));
  EXPECT_EQ(message("%PDF-1.7\n"), looks_like("a PDF document"));
  EXPECT_EQ(message("<?xml version='1.0'?><svg/>"), looks_like("an SVG drawing"));
  EXPECT_EQ(message("PK\x03\x04zip"), looks_like("a ZIP archive or an office document"));
  EXPECT_EQ(message("\x01\x02\x03"), looks_like("unknown binary data"));
  EXPECT_EQ(message(std::string("\0\0\0\x18"
                                "ftypisom\0\0\0\0isommp42",
                                24)),
            looks_like("a video"));
  EXPECT_EQ(message(std::string("\0\0\0\x18"
                                "ftypcrx \0\0\0\1crx isom",
                                24)),
            looks_like("raw data of a camera's sensor"));
  EXPECT_EQ(message(std::string("IIU\0\x18\0\0\0", 8)),
            looks_like("raw data of a camera's sensor"));
  EXPECT_EQ(message(""), "photo.jpg: is empty (0 bytes)");
  try {
    decode_text("%PDF-1.7\n", "a.pdf");
    ADD_FAILURE() << "a picture";
  } catch (const Error& error) {
    EXPECT_EQ(error.hint().in(Language::kEnglish), "oko ocr reads PDF");
  }
}

TEST_F(ImageTest, MissingFileAndFolderAreBadInput) {
  EXPECT_EQ(message_of([&] { load(folder_ / "none.png"); }),
            (folder_ / "none.png").string() + ": no such file");
  EXPECT_EQ(message_of([&] { load(folder_); }), folder_.string() + ": is a folder, not a file");
}

TEST_F(ImageTest, DeclaredSizeIsCheckedBeforeDecoding) {
  EXPECT_EQ(message_of([&] { decode_text(png_header(30000, 30000), "huge.png"); }),
            "huge.png: 30000 × 30000 = 900 Mpx, the limit is 600 Mpx");
  EXPECT_EQ(message_of([&] { decode_text(png_header(24000, 25001), "large.png"); }),
            "large.png: 24000 × 25001 = 600.02 Mpx, the limit is 600 Mpx");
  for (const Sample& sample : all_samples()) {
    const std::string bytes = read_data(sample.file);
    const auto tight = [&] { decode_text(bytes, sample.file, {.max_pixels = 100}); };
    EXPECT_NE(message_of(tight).find("pixels, the limit is 100 pixels"), std::string::npos)
        << message_of(tight);
  }
}

TEST_F(ImageTest, FileSizeIsChecked) {
  const std::string message =
      message_of([&] { load(OKO_TEST_DATA "/rgb.png", {.max_file_bytes = 100}); });
  EXPECT_NE(message.find("is more than the limit of 100 B"), std::string::npos) << message;
}

TEST_F(ImageTest, CutFilesAreErrorsNotHalfPictures) {
  for (const Sample& sample : all_samples()) {
    const std::string bytes = read_data(sample.file);
    for (const std::size_t kept : {bytes.size() / 2, bytes.size() * 3 / 4}) {
      const std::string message =
          message_of([&] { decode_text(bytes.substr(0, kept), sample.file); });
      // A first frame or page can be whole in half a file.
      if (sample.file.starts_with("animated") || sample.file.starts_with("pages")) continue;
      EXPECT_NE(message.find("damaged or cut short"), std::string::npos)
          << sample.file << " cut to " << kept << " of " << bytes.size() << ": " << message;
    }
  }
}

TEST_F(ImageTest, JpegOfManyScansIsRefused) {
  const std::string bytes = read_data("progressive.jpg");
  const std::size_t last_scan = bytes.rfind("\xff\xda");
  const std::string scan = bytes.substr(last_scan, bytes.size() - 2 - last_scan);
  const auto with_scans = [&](int count) {
    std::string longer = bytes.substr(0, last_scan);
    for (int i = 0; i < count; ++i) longer += scan;
    return longer + "\xff\xd9";
  };
  const std::string refusal = "picture: oko does not read this kind of JPEG: more than 100 scans";
  EXPECT_EQ(message_of([&] { decode_text(with_scans(200)); }), refusal);
  EXPECT_NE(message_of([&] { decode_text(with_scans(50)); }), refusal);
  // Data behind the end of the picture are ignored.
  EXPECT_EQ(message_of([&] { decode_text(bytes + with_scans(200)); }), "no error");
}

TEST_F(ImageTest, JpegThatCannotBeDecodedIsNamed) {
  std::string bytes = read_data("orientation_1.jpg");
  const std::size_t frame = bytes.find("\xff\xc0");
  const auto message = [&](std::size_t offset, char value) {
    std::string other = bytes;
    other[frame + offset] = value;
    return message_of([&] { decode_text(other); });
  };
  const std::string kind = "picture: oko does not read this kind of JPEG: ";
  EXPECT_EQ(message(1, '\xc5'), kind + "hierarchical JPEG");
  EXPECT_EQ(message(1, '\xf7'), kind + "JPEG-LS");
  EXPECT_EQ(message(4, 16), kind + "16 bits a channel");
}

TEST_F(ImageTest, DamageIsReportedInTheDecodersWords) {
  const std::string bytes = read_data("orientation_1.jpg");
  const std::string message =
      message_of([&] { decode_text(bytes.substr(0, bytes.size() * 3 / 4)); });
  EXPECT_NE(message.find("damaged or cut short (VipsJpeg: "), std::string::npos) << message;
}

/// 64 × `height` pixels of noise as a JPEG file, and the start of its coefficients.
struct NoiseFile {
  explicit NoiseFile(int height = 64) : bytes(encode_jpeg(draw("noise", 64, height), 90)) {
    data = bytes.find("\xff\xda") + 14;
  }
  std::string bytes;
  std::size_t data = 0;
};

TEST_F(ImageTest, JpegThatLosesPixelsIsDamaged) {
  const NoiseFile noise;
  const auto& [bytes, data] = noise;
  const std::size_t middle = (data + bytes.size()) / 2;
  const std::string end = "\xff\xd9";
  const auto expect_damage = [&](const std::string& other, const Limits& limits = {}) {
    const std::string message = message_of([&] { decode_text(other, "picture", limits); });
    EXPECT_NE(message.find("damaged or cut short (VipsJpeg: Corrupt JPEG data: "),
              std::string::npos)
        << message;
  };
  expect_damage(bytes.substr(0, middle) + end);
  expect_damage(bytes.substr(0, middle) + end, {.max_decoded_pixels = 1024});
  expect_damage(bytes.substr(0, bytes.size() - 60) + end);  // in the last rows
  expect_damage(std::string(bytes).erase(middle, 3000));
  std::string flat = encode_jpeg({256, 64, std::vector<std::uint8_t>(3 * 256 * 64, 200)}, 90);
  expect_damage(flat.replace(flat.size() - 402, 400, 400, '\0'));
  std::string higher = bytes;
  ++higher[bytes.find("\xff\xc0") + 5];  // by 256 rows
  expect_damage(higher);
  const NoiseFile low(8);
  expect_damage(low.bytes.substr(0, (low.data + low.bytes.size()) / 2) + end);
  const std::string progressive = read_data("progressive.jpg");
  expect_damage(progressive.substr(0, progressive.find("\xff\xda") + 17) + end);
}

TEST_F(ImageTest, JpegWithAllPixelsButWithoutItsEndIsRead) {
  for (const std::string& whole : {NoiseFile().bytes, read_data("progressive.jpg")}) {
    const std::vector<std::uint8_t> expected = decode_text(whole).rgb;
    for (const std::size_t lost : {1, 2}) {
      const std::string cut = whole.substr(0, whole.size() - lost);
      EXPECT_EQ(decode_text(cut).rgb, expected) << lost;
      EXPECT_EQ(decode_text(cut, "picture", {.max_decoded_pixels = 1}).width,
                decode_text(whole, "picture", {.max_decoded_pixels = 1}).width);
    }
    const std::string without_pixels = whole.substr(0, whole.size() - 12);
    EXPECT_NE(message_of([&] { decode_text(without_pixels); }).find("damaged or cut short"),
              std::string::npos);
  }
  const std::string progressive = read_data("progressive.jpg");
  const std::string without_scan = progressive.substr(0, progressive.rfind("\xff\xda"));
  EXPECT_NE(message_of([&] { decode_text(without_scan); }).find("damaged or cut short"),
            std::string::npos);
}

TEST_F(ImageTest, JpegWithAWarningAboutItsHeaderIsRead) {
  const NoiseFile noise;
  const auto& [bytes, data] = noise;
  const std::vector<std::uint8_t> expected = decode_text(bytes).rgb;
  // Stray bytes in front of the tables.
  EXPECT_EQ(decode_text(std::string(bytes).insert(bytes.find("\xff\xc4"), 3, '\0')).rgb, expected);
  std::string scan = bytes;
  scan[data - 2] = 0;  // the last coefficient of the scan, which is to be 63
  EXPECT_EQ(decode_text(scan).rgb, expected);
}

TEST_F(ImageTest, FrameOfAGifStandsOnAWhiteCanvas) {
  std::string bytes = read_data("picture.gif");
  const Image frame = decode_text(bytes);
  // The canvas grows to 40 × 30, the frame moves by (10, 5).
  bytes[6] = 40;
  bytes[8] = 30;
  const std::size_t descriptor = bytes.find(std::string("\x2c\0\0\0\0\x18\0\x10\0", 9));
  ASSERT_NE(descriptor, std::string::npos);
  bytes[descriptor + 1] = 10;
  bytes[descriptor + 3] = 5;
  const Image canvas = decode_text(bytes);
  ASSERT_EQ(canvas.width, 40);
  ASSERT_EQ(canvas.height, 30);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) {
      const bool inside = x >= 10 && x < 34 && y >= 5 && y < 21;
      for (int c = 0; c < 3; ++c) {
        const int expected = inside ? frame.rgb[3 * (24 * (y - 5) + x - 10) + c] : 255;
        ASSERT_EQ(canvas.rgb[3 * (40 * y + x) + c], expected) << x << ", " << y;
      }
    }
  }
}

TEST_F(ImageTest, MessagesFollowTheLanguage) {
  EXPECT_EQ(message_of([&] { decode_text("просто текст", "фото.jpg"); }, Language::kRussian),
            "фото.jpg: это не картинка, которую oko умеет читать (начинается как обычный текст)");
  EXPECT_EQ(
      message_of([&] { decode_text(png_header(30000, 30000), "фото.png"); }, Language::kRussian),
      "фото.png: 30000 × 30000 = 900 Мпикс, предел — 600 Мпикс");
}

TEST_F(ImageTest, NothingIsPrintedAboutDamagedFiles) {
  ::testing::internal::CaptureStderr();
  for (const Sample& sample : all_samples()) {
    std::string bytes = read_data(sample.file);
    for (std::size_t i = bytes.size() / 2; i < bytes.size(); i += 7) bytes[i] = '\x5a';
    message_of([&] { decode_text(bytes, sample.file); });
    message_of([&] { decode_text(bytes.substr(0, bytes.size() * 2 / 3), sample.file); });
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(ImageTest, EncodedJpegDecodesToNearlyTheSamePicture) {
  Image image{40, 30, {}};
  for (int i = 0; i < 40 * 30; ++i) image.rgb.insert(image.rgb.end(), {200, 100, 50});
  const std::string bytes = encode_jpeg(image, 85);
  const Image decoded = decode(std::as_bytes(std::span(bytes)), "encoded");
  ASSERT_EQ(decoded.rgb.size(), image.rgb.size());
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    ASSERT_NEAR(decoded.rgb[i], image.rgb[i], 4) << i;
  }
}

TEST_F(ImageTest, ResolutionIsReadWhereAFileDeclaresIt) {
  const std::string plain = encode_jpeg({8, 8, std::vector<std::uint8_t>(8 * 8 * 3)}, 85);
  const auto resolution = [&](char unit, char number) {
    std::string bytes = plain;
    bytes.insert(2, std::string("\xFF\xE0\0\x10JFIF\0\1\1", 11) +
                        std::string{unit, 0, number, 0, number, 0, 0});
    return decode(std::as_bytes(std::span(bytes)), "encoded").resolution;
  };
  EXPECT_NEAR(resolution(/*an inch*/ 1, 120), 120, 0.01);
  EXPECT_NEAR(resolution(/*a centimetre*/ 2, 100), 254, 0.01);
  EXPECT_NEAR(resolution(/*an aspect ratio*/ 0, 1), 72, 0.01);
  EXPECT_NEAR(decode(std::as_bytes(std::span(plain)), "encoded").resolution, 72, 0.01);
}

TEST_F(ImageTest, LightPrintOnTransparentGroundIsLaidOnBlack) {
  // The left half is white, the right half transparent.
  const Image image = decode_text(read_data("light_on_nothing.png"));
  EXPECT_EQ(image.rgb[0], 250);
  EXPECT_EQ(image.rgb[3 * 7], 0);
}

TEST_F(ImageTest, ThreadsDecodeAtOnce) {
  std::vector<std::string> files;
  std::vector<Image> expected;
  for (const char* name :
       {"orientation_5.jpg", "alpha16.png", "lossless.heic", "cmyk_profile.jpg"}) {
    files.push_back(read_data(name));
    expected.push_back(decode_text(files.back()));
  }
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> wrong = 0, refused = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 8; ++i) {
        const std::size_t which = (i + t) % files.size();
        if (decode_text(files[which]).rgb != expected[which].rgb) ++wrong;
        try {
          decode_text(files[which].substr(0, files[which].size() * 19 / 20) + "\xff\xd9");
          ++wrong;
        } catch (const Error&) {
          ++refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(refused, 32);
}

}  // namespace
}  // namespace oko::image

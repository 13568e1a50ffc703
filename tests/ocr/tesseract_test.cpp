#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/stop_token.h"
#include "image/image.h"
#include "ocr/engine.h"
#include "ocr/homoglyphs.h"
#include "ocr/page_reader.h"
#include "ocr/score.h"
#include "tests/ocr/conditions.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"

namespace oko::ocr {
namespace {

namespace fs = std::filesystem;

const std::string kData = OKO_TEST_DATA;

image::Image blank(int width, int height) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height) * 3, 255)};
}

const document::Word* find_word(const document::Page& page, const std::string& text) {
  for (const document::Line& line : page.lines) {
    for (const document::Word& word : line.words) {
      if (word.text == text) return &word;
    }
  }
  return nullptr;
}

std::size_t thread_count() {
  const fs::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST(TesseractTest, PagesOfBothLanguagesAreReadWithFewErrors) {
  const std::string prefix = OKO_SANITIZED ? "text_16_" : "";
  std::vector<fs::path> pictures;
  for (const auto& entry : fs::directory_iterator(kData)) {
    const fs::path& file = entry.path();
    const bool is_picture = file.extension() == ".png" || file.extension() == ".jpg";
    if (is_picture && file.filename().string().starts_with(prefix)) pictures.push_back(file);
  }
  ASSERT_EQ(pictures.size(), OKO_SANITIZED ? 4u : 14u);
  TextErrors raw, repaired;
  Options options;
  options.repairs_homoglyphs = false;
  read_pages(
      pictures.size(), options, 2, [&](std::size_t i) { return image::load(pictures[i]); },
      [&](std::size_t i, ReadResult result) {
        ASSERT_FALSE(result.error) << result.error->what();
        fs::path truth_file = pictures[i];
        const std::string truth =
            read_file(truth_file.replace_extension(".txt"), 100'000, ErrorCode::kFailed);
        const TextErrors errors = compare_texts(truth, result.page.text());
        EXPECT_LT(errors.all_characters().rate(), 0.04) << pictures[i];
        raw += errors;
        repair_homoglyphs(result.page);
        repaired += compare_texts(truth, result.page.text());
      },
      {});
  std::printf("characters wrong: %.2f %%, repaired %.2f %%\n", raw.all_characters().rate() * 100,
              repaired.all_characters().rate() * 100);
  if (OKO_SANITIZED) return;  // the rates are those of all pages
  EXPECT_LT(raw.all_characters().rate(), 0.010);
  EXPECT_LT(repaired.all_characters().rate(), 0.009);
  EXPECT_LT(repaired.all_characters().wrong, raw.all_characters().wrong);
}

using Colour = std::array<int, 3>;

/// A black and white page printed in `ink` on `paper`, with wide margins: little of it is text.
image::Image printed(const image::Image& page, Colour ink, Colour paper) {
  constexpr int kMargin = 160;
  image::Image result{page.width + 2 * kMargin, page.height + 2 * kMargin, {}};
  result.rgb.reserve(3 * static_cast<std::size_t>(result.width * result.height));
  for (int y = -kMargin; y < page.height + kMargin; ++y) {
    for (int x = -kMargin; x < page.width + kMargin; ++x) {
      const bool inside = y >= 0 && y < page.height && x >= 0 && x < page.width;
      const int light = inside ? page.rgb[3 * static_cast<std::size_t>(y * page.width + x)] : 255;
      for (std::size_t c = 0; c < 3; ++c) {
        result.rgb.push_back(static_cast<std::uint8_t>(ink[c] + (paper[c] - ink[c]) * light / 255));
      }
    }
  }
  return result;
}

std::string first_lines(const std::string& text, int count) {
  std::size_t end = 0;
  for (int i = 0; i < count; ++i) end = text.find('\n', end) + 1;
  return text.substr(0, end);
}

TEST(TesseractTest, ReadsTextInAnyColours) {
  const auto engine = make_engine({});
  const Colour black{0, 0, 0}, white{255, 255, 255}, night{30, 30, 40}, green{60, 230, 90},
      orange{190, 140, 40}, turquoise{0, 215, 200}, red{200, 0, 0}, grey{60, 60, 60};
  std::vector<std::pair<Colour, Colour>> prints{{white, night},      {turquoise, orange},
                                                {orange, turquoise}, {red, grey},
                                                {black, green},      {black, white}};
  prints.resize(repetitions(static_cast<int>(prints.size()), 1));
  constexpr int kFourLines = 142;
  const image::Image level =
      part(image::load(kData + "/text_16_clean_0.png"), 0, 0, 900, kFourLines);
  const image::Image slanting = tilted(level, 3);
  const std::string truth =
      first_lines(read_file(kData + "/text_16_clean_0.txt", 100'000, ErrorCode::kFailed), 4);
  for (const image::Image* page : {&level, &slanting}) {
    for (const auto& [ink, paper] : prints) {
      const document::Page read = engine->read(printed(*page, ink, paper), {});
      EXPECT_LT(compare_texts(truth, read.text()).all_characters().rate(), 0.03)
          << (page == &level ? "level: " : "slanting: ")
          << fmt::format("{} on {}", fmt::join(ink, " "), fmt::join(paper, " "));
    }
  }
}

TEST(TesseractTest, WordsTakenForTheOtherScriptAreReadAgain) {
  Options options;
  options.repairs_homoglyphs = false;
  const auto engine = make_engine(options);
  const document::Page clean = engine->read(image::load(kData + "/text_12_clean_0.png"), {});
  for (const std::string text : {"PIN-код", "USB-кабель", "on", "На"}) {
    EXPECT_NE(find_word(clean, text), nullptr)
        << text;  // PIN-kog, О$В-кабель, оп, Ha with a Latin H
  }
  ASSERT_NE(find_word(clean, "on"), nullptr);
  EXPECT_EQ(find_word(clean, "on")->language, "en");
  const document::Page pale = engine->read(image::load(kData + "/text_12_low_contrast_0.png"), {});
  for (const std::string text : {"PUK-код", "NOT", "«квас»"}) {
    EXPECT_NE(find_word(pale, text), nullptr) << text;
  }
}

TEST(TesseractTest, ShortLinesOfTwoScriptsAreRead) {
  const auto engine = make_engine({});
  for (const char* page : {"short_mixed_0", "short_mixed_1"}) {
    const std::string file = kData + "/hard/" + page;
    const std::string truth = read_file(file + ".txt", 100'000, ErrorCode::kFailed);
    EXPECT_EQ(engine->read(image::load(file + ".png"), {}).text(), truth);
  }
}

TEST(TesseractTest, PagesAsCamerasAndScannersMakeThemAreRead) {
  const auto engine = make_engine({});
  const image::Image page = part(image::load(kData + "/text_28_clean_0.png"), 0, 0, 900, 184);
  const std::string truth = engine->read(page, {}).text();
  ASSERT_GT(truth.size(), 120u);
  const std::pair<const char*, image::Image> pages[] = {
      {"on its head", quarter_turned(page, 2)},
      {"on its side", quarter_turned(page, 1)},
      {"tilted", tilted(page, 12)},
      {"shaded", shaded(page, 0.3)},
      {"marked", marked(page, {20, 36, 860, 84}, {255, 60, 140})},
      {"without a margin", part(page, 40, 44, 726, 131)}};
  for (const auto& [name, picture] : pages) {
    const document::Page read = engine->read(picture, {});
    EXPECT_LT(compare_texts(truth, read.text()).all_characters().rate(), 0.03) << name;
    EXPECT_FALSE(read.is_doubtful) << name;
  }
}

TEST(TesseractTest, PagePhotographedAtAnAngleOnADeskIsRead) {
  const auto engine = make_engine({});
  const image::Image page = part(image::load(kData + "/text_28_clean_0.png"), 0, 0, 900, 280);
  const image::Image photo = at_an_angle(on_desk(page, 90), 0.6f, 90);
  const document::Page truth = engine->read(page, {});
  ASSERT_GT(truth.text().size(), 200u);
  const document::Page read = engine->read(photo, {});
  EXPECT_LT(compare_texts(truth.text(), read.text()).all_characters().rate(), 0.03);
  // Words are where the camera sees them: the left side of the page is 0.6 of the right one.
  const auto from_middle = [](const document::Page& of) {
    const document::Box& box = of.lines.front().words.front().box;
    return box.top + box.height / 2 - static_cast<float>(of.height) / 2;
  };
  EXPECT_NEAR(from_middle(read) / from_middle(truth), 0.69, 0.08);
}

TEST(TesseractTest, BoxesOfATurnedPageAreInItsOwnPixels) {
  const image::Image page = part(image::load(kData + "/text_28_clean_0.png"), 0, 0, 900, 184);
  const auto engine = make_engine({});
  const document::Page upright = engine->read(page, {});
  const document::Page turned = engine->read(quarter_turned(page, 2), {});
  ASSERT_FALSE(turned.lines.empty());
  const document::Box& box = upright.lines.front().box;
  const document::Box& other = turned.lines.front().box;
  EXPECT_NEAR(other.left, 900 - box.left - box.width, 4);
  EXPECT_NEAR(other.top, 184 - box.top - box.height, 4);
}

TEST(TesseractTest, WordsAndLettersCutOutOfAScreenAreRead) {
  const auto engine = make_engine({});
  const image::Image page = image::load(kData + "/hard/short_mixed_1.png");
  const document::Page whole = engine->read(page, {});
  for (const std::size_t i : {0u, 2u}) {
    const document::Word& word = whole.lines[i].words.front();
    const auto pixel = [](float at) { return static_cast<int>(std::lround(at)); };
    const image::Image cut = part(page, pixel(word.box.left), pixel(word.box.top),
                                  pixel(word.box.width), pixel(word.box.height));
    EXPECT_EQ(engine->read(cut, {}).text(), word.text + "\n");
  }
}

TEST(TesseractTest, NarrowDigitWithoutAMarginIsRead) {
  image::Image seven = blank(20, 29);
  for (int y = 0; y < 29; ++y) {
    for (int x = 0; x < 20; ++x) {
      // A bar on top of a leg that slopes to the left.
      const int leg = 19 - (y - 3) * 13 / 25;
      const bool is_ink = y < 3 || (x <= leg && x > leg - 4);
      if (!is_ink) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        seven.rgb[3 * static_cast<std::size_t>(y * 20 + x) + c] = 0;
      }
    }
  }
  EXPECT_EQ(make_engine({})->read(seven, {}).text(), "7\n");
}

TEST(TesseractTest, InkThatCannotBeReadIsDoubtful) {
  const auto engine = make_engine({});
  image::Image scribble = blank(400, 120);
  for (int x = 20; x < 380; ++x) {
    for (int thick = 0; thick < 4; ++thick) {
      const int y = 60 + static_cast<int>(25 * std::sin(x / 7.0) * std::cos(x / 23.0)) + thick;
      for (std::size_t c = 0; c < 3; ++c) {
        scribble.rgb[3 * static_cast<std::size_t>(y * 400 + (x - x % 40 / 4)) + c] = 20;
      }
    }
  }
  EXPECT_TRUE(engine->read(scribble, {}).is_doubtful);
  EXPECT_FALSE(engine->read(blank(400, 120), {}).is_doubtful);
}

TEST(TesseractTest, AWordThatIsSureInOneScriptIsNotDoubtful) {
  const document::Page page = make_engine({})->read(
      image::load(std::string(OKO_SOURCE_DIR) + "/demo/images/river.png"), {});
  ASSERT_EQ(page.text(), "river\n");
  EXPECT_GT(page.lines[0].words[0].confidence, 0.9f);
  EXPECT_FALSE(page.is_doubtful) << "with both languages at once Tesseract is not sure of it";
}

TEST(TesseractTest, WordsHaveTheirPlaceConfidenceAndLanguage) {
  const document::Page page = make_engine({})->read(image::load(kData + "/receipt_0.png"), {});
  ASSERT_FALSE(page.lines.empty());
  EXPECT_EQ(page.lines.front().text(), "Супермаркет «Эхо»");
  const document::Word* first = find_word(page, "Супермаркет");
  ASSERT_NE(first, nullptr);
  EXPECT_NEAR(first->box.left, 72, 3);
  EXPECT_NEAR(first->box.top, 27, 4);
  EXPECT_NEAR(first->box.left + first->box.width, 171, 3);
  EXPECT_EQ(first->language, "ru");
  EXPECT_GT(first->confidence, 0.8f);
  EXPECT_LE(first->confidence, 1.0f);
  const document::Word* english = find_word(page, "Earl");
  ASSERT_NE(english, nullptr);
  EXPECT_EQ(english->language, "en");
  EXPECT_GT(english->box.top, first->box.top + 200);
}

TEST(TesseractTest, BoxesOfARotatedPageAreInItsOwnPixels) {
  const image::Image image = image::load(kData + "/text_16_rotated_0.png");
  const document::Page page = make_engine({})->read(image, {});
  EXPECT_EQ(page.width, image.width);
  ASSERT_GT(page.lines.size(), 5u);
  // Counterclockwise: a line's last word stands higher than its first, 5 pixels in 100.
  const document::Line& line = page.lines[3];
  const document::Box& first = line.words.front().box;
  const document::Box& last = line.words.back().box;
  EXPECT_NEAR((last.top - first.top) / (last.left - first.left), -0.052, 0.015);
}

TEST(TesseractTest, PictureWithoutTextHasNoLines) {
  const auto engine = make_engine({});
  for (const auto& image : {blank(1, 1), blank(2, 500), blank(640, 480)}) {
    EXPECT_TRUE(engine->read(image, {}).lines.empty()) << image.width;
  }
}

TEST(TesseractTest, LinesBelowTheMinimumHeightAreLeftOut) {
  const image::Image receipt = image::load(kData + "/receipt_0.png");
  const document::Page all = make_engine({})->read(receipt, {});
  Options options;
  options.minimum_text_height = 16.0f / static_cast<float>(receipt.height);
  const document::Page tall = make_engine(options)->read(receipt, {});
  EXPECT_LT(tall.lines.size(), all.lines.size());
  EXPECT_GT(tall.lines.size(), 0u);
  for (const document::Line& line : tall.lines) EXPECT_GE(line.box.height, 16);
}

TEST(TesseractTest, ReadingStartsNoThreadsOfItsOwn) {
  const auto engine = make_engine({});
  const image::Image receipt = image::load(kData + "/receipt_0.png");
  const std::size_t before = thread_count();
  engine->read(receipt, {});
  EXPECT_EQ(thread_count(), before);
}

TEST(TesseractTest, EngineReadsThePagesAfterAnErrorOrAStopToo) {
  const auto engine = make_engine({});
  StopSource stop;
  stop.request_stop();
  const image::Image receipt = image::load(kData + "/receipt_0.png");
  try {
    engine->read(receipt, stop.get_token());
    FAIL() << "not stopped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_FALSE(engine->read(receipt, {}).lines.empty());
}

TEST(TesseractTest, ALimitOfOpenFilesIsNamedAsTheCause) {
  if (OKO_SANITIZED) GTEST_SKIP() << "UBSan opens files to see the type of an object";
  const auto message_of = [](const std::function<void()>& call) -> std::string {
    const OpenFileLimit none(0);
    try {
      call();
    } catch (const Error& error) {
      return std::string(error.message().in(Language::kEnglish));
    }
    return "no error";
  };
  const std::string expected = "text recognition cannot open its files: too many files are open";
  EXPECT_EQ(message_of([] { make_engine({}); }), expected);
  const std::unique_ptr<Engine> engine = make_engine({});
  EXPECT_EQ(message_of([&] { engine->read(blank(64, 64), {}); }), expected);
}

TEST(TesseractTest, UnknownAndMissingLanguagesAreNamed) {
  try {
    make_engine({.languages = {"ru-RU", "tlh"}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("tlh"), std::string::npos);
  }
  // Tesseract 5.5 looks elsewhere if the folder does not exist.
  ::setenv("TESSDATA_PREFIX", OKO_SOURCE_DIR, 1);
  try {
    make_engine({});
    ADD_FAILURE() << "made without data";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed);
    EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("tesseract-ocr-rus"),
              std::string::npos)
        << error.hint();
  }
  ::unsetenv("TESSDATA_PREFIX");
}

TEST(TesseractTest, EnginesAreMadeBetweenPages) {
  const image::Image image = image::load(kData + "/text_28_clean_0.png");
  const auto engine = make_engine({});
  const std::string text = engine->read(image, {}).text();
  const JoiningThread maker([&] {
    for (int i = 0; i < 3; ++i) EXPECT_NE(make_engine({.languages = {"en-US"}}), nullptr);
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(engine->read(image, {}).text(), text);
}

}  // namespace
}  // namespace oko::ocr

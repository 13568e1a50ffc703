// The engine for Macs, with a Vision framework whose answers the tests write.
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "budget/process_memory.h"
#include "ocr/engine.h"
#include "tests/ocr/apple/stub_vision.h"
#include "tests/support/kept_memory.h"

/// For LeakSanitizer: the allocations of the Objective-C runtime for classes live as long as the
/// process. The tests below count oko's own.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is LeakSanitizer's
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libobjc.so\nleak:libgnustep-base.so\n";
}

namespace oko::ocr {
namespace {

using stub_vision::Rect;

image::Image picture(int width = 200, int height = 100) {
  image::Image image{width, height, {}};
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i);
  return image;
}

document::Page read(const Options& options = {}) {
  return make_engine(options)->read(picture(), {});
}

/// The code of the error that `body` throws.
template <typename Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::kFailed, "");
}

class AppleVisionTest : public ::testing::Test {
 protected:
  AppleVisionTest() { stub_vision::answer({}); }
  ~AppleVisionTest() override { EXPECT_EQ(stub_vision::living_objects(), 0); }
};

TEST_F(AppleVisionTest, ReadsRussianAndEnglishLinesWithBoxesInPixelsFromTheTop) {
  stub_vision::answer({.observations = {{"Привет, мир", {0.1, 0.7, 0.5, 0.2}, 0.5f},
                                        {"Hello world", {0.25, 0.1, 0.5, 0.25}, 1.0f}}});
  const document::Page page = read();
  EXPECT_EQ(page.width, 200);
  EXPECT_EQ(page.height, 100);
  ASSERT_EQ(page.lines.size(), 2u);
  EXPECT_EQ(page.text(), "Привет, мир\n\nHello world\n");
  EXPECT_FLOAT_EQ(page.lines[0].box.left, 20);
  EXPECT_NEAR(page.lines[0].box.top, 10, 1e-4);
  EXPECT_FLOAT_EQ(page.lines[0].box.width, 100);
  EXPECT_NEAR(page.lines[0].box.height, 20, 1e-4);
  EXPECT_FLOAT_EQ(page.lines[0].confidence, 0.5f);
  EXPECT_NEAR(page.lines[1].box.top, 65, 1e-4);
  EXPECT_EQ(page.lines[1].block, 1);
}

TEST_F(AppleVisionTest, AsksForTheAccurateThirdRevisionInTheLanguagesGiven) {
  Options options;
  options.languages = {"en", "ru-RU"};
  options.custom_words = {"Ёлки", "oko"};
  options.minimum_text_height = 0.02f;
  read(options);
  const stub_vision::Asked& asked = stub_vision::asked();
  EXPECT_EQ(asked.revision, 3u);
  EXPECT_EQ(asked.level, 0);
  EXPECT_EQ(asked.languages, (std::vector<std::string>{"en-US", "ru-RU"}));
  EXPECT_EQ(asked.custom_words, (std::vector<std::string>{"Ёлки", "oko"}));
  EXPECT_TRUE(asked.corrects);
  EXPECT_FALSE(asked.detects);
  EXPECT_FLOAT_EQ(asked.minimum_text_height, 0.02f);
  EXPECT_EQ(asked.orientation, 1u);
}

TEST_F(AppleVisionTest, ReadsRussianFirstByDefault) {
  read();
  EXPECT_EQ(stub_vision::asked().languages, (std::vector<std::string>{"ru-RU", "en-US"}));
}

TEST_F(AppleVisionTest, GivesVisionThePixelsOfThePicture) {
  const image::Image image = picture(31, 17);
  make_engine({})->read(image, {});
  EXPECT_EQ(stub_vision::asked().width, 31u);
  EXPECT_EQ(stub_vision::asked().height, 17u);
  EXPECT_EQ(stub_vision::asked().bytes_per_row, 93u);
  EXPECT_EQ(stub_vision::asked().pixels, image.rgb);
}

TEST_F(AppleVisionTest, AsksForBoxesOfWordsInUtf16Units) {
  std::vector<std::pair<std::size_t, std::size_t>> parts;
  stub_vision::answer(
      {.observations = {
           {" Чек 😀№7\tok", {0, 0, 1, 1}, 1.0f, [&](std::size_t location, std::size_t length) {
              parts.emplace_back(location, length);
              return Rect{0.5, 0.5, 0.25, 0.25};
            }}}});
  const document::Page page = read();
  EXPECT_EQ(parts, (std::vector<std::pair<std::size_t, std::size_t>>{{1, 3}, {5, 4}, {10, 2}}));
  ASSERT_EQ(page.lines.size(), 1u);
  EXPECT_EQ(page.lines[0].text(), "Чек 😀№7 ok");
  EXPECT_EQ(page.lines[0].words[1].box, (document::Box{100, 25, 50, 25}));
}

TEST_F(AppleVisionTest, DividesTheLineIfAWordHasNoBox) {
  stub_vision::answer({.observations = {{"да no", {0, 0, 0.5, 0.5}}}});
  const document::Page page = read();
  ASSERT_EQ(page.lines[0].words.size(), 2u);
  EXPECT_EQ(page.lines[0].words[0].box, (document::Box{0, 50, 40, 50}));
  EXPECT_EQ(page.lines[0].words[1].box, (document::Box{60, 50, 40, 50}));
}

TEST_F(AppleVisionTest, KeepsBoxesInsideThePicture) {
  stub_vision::answer({.observations = {{"край", {-0.1, 0.9, 1.3, 0.4}}}});
  EXPECT_EQ(read().lines[0].box.left, 0);
  EXPECT_EQ(read().lines[0].box.width, 200);
  EXPECT_EQ(read().lines[0].box.top, 0);
}

TEST_F(AppleVisionTest, RepairsHomoglyphsUnlessDisabled) {
  stub_vision::answer({.observations = {{"Mосква", {0, 0, 1, 1}}}});  // a Latin M
  EXPECT_EQ(read().text(), "Москва\n");
  Options as_read;
  as_read.repairs_homoglyphs = false;
  EXPECT_EQ(read(as_read).text(), "Mосква\n");
}

TEST_F(AppleVisionTest, FindsNoTextWhereThereIsNone) {
  stub_vision::answer({.observations = {{"  ", {0, 0, 1, 1}}}});
  EXPECT_TRUE(read().lines.empty());
}

TEST_F(AppleVisionTest, AnErrorOfVisionIsAnErrorInTheLanguageOfTheUser) {
  stub_vision::answer({.failure = {{"com.apple.Vision", 9, "внутренняя ошибка"}}});
  const Error english = error_of([] { read(); });
  EXPECT_EQ(english.code(), ErrorCode::kFailed);
  EXPECT_STREQ(english.what(), "Apple Vision could not read the picture: внутренняя ошибка");
  EXPECT_EQ(english.message().in(Language::kRussian),
            "Apple Vision не смог прочитать картинку: внутренняя ошибка");
}

TEST_F(AppleVisionTest, AnExceptionOfVisionIsAnErrorAndTheNextPictureIsRead) {
  stub_vision::answer({.exception = "сломалось 100 %"});
  const std::unique_ptr<Engine> engine = make_engine({});
  const Error error = error_of([&] { engine->read(picture(), {}); });
  EXPECT_EQ(error.code(), ErrorCode::kFailed);
  EXPECT_NE(std::string(error.what()).find("NSInternalInconsistencyException: сломалось 100 %"),
            std::string::npos)
      << error.what();
  stub_vision::answer({.observations = {{"цело", {0, 0, 1, 1}}}});
  EXPECT_EQ(engine->read(picture(), {}).text(), "цело\n");
}

TEST_F(AppleVisionTest, AStopCancelsTheRequest) {
  StopSource source;
  stub_vision::answer({.observations = {{"поздно", {0, 0, 1, 1}}},
                       .while_performing = [&] { source.request_stop(); }});
  const Error error = error_of([&] { make_engine({})->read(picture(), source.get_token()); });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  EXPECT_TRUE(stub_vision::asked().cancelled);
}

TEST_F(AppleVisionTest, ARequestThatVisionCancelledIsCancelled) {
  stub_vision::answer({.failure = {{"com.apple.Vision", 1, "cancelled"}}});
  EXPECT_EQ(error_of([] { read(); }).code(), ErrorCode::kCancelled);
}

TEST_F(AppleVisionTest, NamesTheSystemIfRussianIsMissing) {
  stub_vision::answer({.languages = {"en-US", "fr-FR"}});
  const Error error = error_of([] { make_engine({}); });
  EXPECT_EQ(error.code(), ErrorCode::kUsage);
  const std::string what = error.what();
  EXPECT_NE(what.find("does not read ru-RU"), std::string::npos) << what;
  EXPECT_EQ(what.find("()"), std::string::npos) << what;  // the version stands there
  EXPECT_EQ(error.hint().in(Language::kEnglish),
            "it reads en-US, fr-FR; Russian is read since macOS 13");
}

TEST_F(AppleVisionTest, AnErrorOfTheQuestionForLanguagesIsAnError) {
  stub_vision::answer({.no_languages = {{"com.apple.Vision", 9, "no model"}}});
  EXPECT_NE(std::string(error_of([] { make_engine({}); }).what()).find("no model"),
            std::string::npos);
}

TEST_F(AppleVisionTest, TwentyThousandPicturesLeaveNothingBehind) {
  const std::unique_ptr<Engine> engine = make_engine({});
  const auto read_some = [&](int count) {
    for (int i = 0; i < count; ++i) {
      stub_vision::answer(
          {.observations = {{"Молоко 3,2 %", {0, 0.5, 1, 0.2}}, {"milk", {0, 0.1, 1, 0.2}}},
           .exception = i % 10 == 9 ? "every tenth" : ""});
      try {
        engine->read(picture(8, 8), {});
      } catch (const Error&) {
      }
    }
  };
  read_some(1000);
  const std::uint64_t before = budget::private_bytes();
  read_some(20'000);
  EXPECT_EQ(stub_vision::living_objects(), 0);
  EXPECT_LT(budget::private_bytes(), before + 1'000'000 + kKeptFreedBytes);
}

}  // namespace
}  // namespace oko::ocr

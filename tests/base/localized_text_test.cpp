#include "base/localized_text.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace oko {
namespace {

TEST(LocalizedTextTest, KeepsBothLanguagesThroughEveryFormat) {
  const LocalizedText reason = tr("no space of {}", "нет места в {}", 3);
  const LocalizedText whole = tr("{1}: {0}", "{1}: {0}!", reason, "a.bin");
  EXPECT_EQ(whole.in(Language::kEnglish), "a.bin: no space of 3");
  EXPECT_EQ(whole.in(Language::kRussian), "a.bin: нет места в 3!");
  EXPECT_EQ(format_text("({})", reason).in(Language::kRussian), "(нет места в 3)");
  EXPECT_EQ(("x: " + reason).in(Language::kRussian), "x: нет места в 3");
}

TEST(LocalizedTextTest, WritesKnobsAsTheFrontEndDoes) {
  const LocalizedText hint =
      tr("use {} 512 or {} off", "укажите {} 512 или {} off", Knob{"max_tokens"}, Knob{"ocr"});
  const LocalizedText nested = tr("hint: {}", "совет: {}", hint);
  EXPECT_EQ(nested.in(Language::kEnglish), "hint: use max_tokens 512 or ocr off");
  EXPECT_EQ(nested.in(Language::kEnglish, KnobStyle::kFlag),
            "hint: use --max-tokens 512 or --ocr off");
  EXPECT_EQ(nested.in(Language::kRussian, KnobStyle::kFlag),
            "совет: укажите --max-tokens 512 или --ocr off");
}

TEST(LocalizedTextTest, AHalfOfAKnobInAFileNameStaysAsItIs) {
  for (const std::string name : {"a\uFDD0b", "a\uFDD1b", "\uFDD1\uFDD0"}) {
    EXPECT_EQ(LocalizedText(name).in(Language::kEnglish, KnobStyle::kFlag), name);
  }
}

TEST(LocalizedTextTest, MeasuredNumbersHaveADecimalCommaInRussian) {
  const LocalizedText rate = tr("{:6.2f} %", "{:6.2f} %", 12.345f);
  EXPECT_EQ(rate.in(Language::kEnglish), " 12.35 %");
  EXPECT_EQ(rate.in(Language::kRussian), " 12,35 %");
  EXPECT_EQ(format_text("{}: {:.1f}", "v1.2", 0.25).in(Language::kRussian), "v1.2: 0,2");
  EXPECT_EQ(format_bytes(3'140'000'000).in(Language::kEnglish), "3.1 GB");
  EXPECT_EQ(format_bytes(3'140'000'000).in(Language::kRussian), "3,1 ГБ");
  EXPECT_EQ(localized_number("0.5").in(Language::kRussian), "0,5");
}

TEST(LocalizedTextTest, SettingsKeepTheirDecimalPoint) {
  const LocalizedText range = tr("{}: {} to {}", "{}: от {} до {}", Knob{"top_p"}, 0.1f, 1.5);
  EXPECT_EQ(range.in(Language::kRussian), "top_p: от 0.1 до 1.5");
}

TEST(LocalizedTextTest, ListsAlternativesInBothLanguages) {
  EXPECT_EQ(any_of({"a"}).in(Language::kRussian), "a");
  EXPECT_EQ(any_of({"a", "b", "c"}).in(Language::kEnglish), "a, b or c");
  EXPECT_EQ(any_of({"a", "b", "c"}).in(Language::kRussian), "a, b или c");
}

TEST(LocalizedTextTest, ReplacesAPartInBothLanguages) {
  const LocalizedText text = tr("{0}: no {0}", "{0}: нет {0}", "/tmp/x").with("/tmp/x", "-");
  EXPECT_EQ(text.in(Language::kEnglish), "-: no -");
  EXPECT_EQ(text.in(Language::kRussian), "-: нет -");
}

TEST(ErrorTest, LogsSayTheMessageInEnglishWithFields) {
  const Error error(ErrorCode::kUsage, tr("{} is {}", "{} — {}", Knob{"kv_bits"}, 7));
  EXPECT_STREQ(error.what(), "kv_bits is 7");
}

TEST(ErrorTest, EachCodeHasAnExitStatusAndAStatusOfHttp) {
  struct Status {
    ErrorCode code;
    int exit, http;
  };
  for (const auto& [code, exit, http] :
       {Status{ErrorCode::kFailed, 1, 500}, Status{ErrorCode::kUsage, 2, 400},
        Status{ErrorCode::kOverBudget, 3, 413}, Status{ErrorCode::kBusy, 1, 503},
        Status{ErrorCode::kBadInput, 4, 400}, Status{ErrorCode::kNotFound, 4, 404},
        Status{ErrorCode::kTooLarge, 4, 413}, Status{ErrorCode::kUnsupported, 4, 415},
        Status{ErrorCode::kModelNotFound, 5, 404}, Status{ErrorCode::kBadModel, 5, 500},
        Status{ErrorCode::kCancelled, 130, 499}}) {
    EXPECT_EQ(exit_status(code), exit) << static_cast<int>(code);
    EXPECT_EQ(http_status(code), http) << static_cast<int>(code);
    EXPECT_EQ(is_of_input(code), exit == 4) << static_cast<int>(code);
  }
}

TEST(LocalizedTextTest, RussianNounsFollowTheirNumber) {
  const auto russian = [](int count) {
    return tr("{} tokens", "{:токен|токена|токенов}", Count(count)).in(Language::kRussian);
  };
  EXPECT_EQ(russian(1), "1 токен");
  EXPECT_EQ(russian(6144), "6144 токена");
  EXPECT_EQ(russian(121791), "121791 токен");
  for (const int many : {0, 5, 11, 12, 14, 111, 1012, 2020}) {
    EXPECT_EQ(russian(many), std::to_string(many) + " токенов");
  }
  EXPECT_EQ(tr("{} tokens", "{:токен|токена|токенов}", Count(2)).in(Language::kEnglish),
            "2 tokens");
}

TEST(LocalizedTextTest, EnglishNounsFollowTheirNumber) {
  const auto english = [](int count) {
    return tr("{:token|tokens}", "{:токен|токена|токенов}", Count(count)).in(Language::kEnglish);
  };
  EXPECT_EQ(english(1), "1 token");
  for (const int many : {0, 2, 5, 11, 21, 101}) {
    EXPECT_EQ(english(many), std::to_string(many) + " tokens");
  }
}

}  // namespace
}  // namespace oko

#include "grammar/pattern.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "grammar/grammar.h"
#include "tests/grammar/accepts_text.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace oko::grammar {
namespace {

/// A random pattern of ECMA-262, and what it matches: by the places where a match may end.
class RandomPattern {
 public:
  explicit RandomPattern(std::mt19937& random) : RandomPattern(random, 3) {}

  std::string text() const {
    std::string all;
    switch (kind_) {
      case Kind::kLetters:
        return text_;
      case Kind::kSequence:
        for (const RandomPattern& part : parts_) all += part.text();
        return all;
      case Kind::kAlternatives:
        for (const RandomPattern& part : parts_) all += (all.empty() ? "(" : "|") + part.text();
        return all + ")";
      case Kind::kRepeated:
        return "(?:" + parts_[0].text() + ")" + text_;
    }
    return all;
  }

  bool matches(std::u32string_view letters) const {
    return ends(letters, {0}).contains(letters.size());
  }

 private:
  enum class Kind { kLetters, kSequence, kAlternatives, kRepeated };
  using Places = std::set<std::size_t>;

  RandomPattern(std::mt19937& random, int depth) {
    kind_ = depth == 0 ? Kind::kLetters : static_cast<Kind>(random() % 4);
    if (kind_ == Kind::kLetters) {
      const std::pair<const char*, std::u32string_view> kLetters[] = {
          {"a", U"a"},          {"b", U"b"},      {"я", U"я"},       {".", U"abя "},
          {"[ab]", U"ab"},      {"[^a]", U"bя "}, {"[а-я ]", U"я "}, {"\\s", U" "},
          {"[^\\n- b]", U"aя"}, {"\\W", U"я "},   {"[^\\S]", U" "},  {"\\u044f", U"я"}};
      std::tie(text_, letters_) = kLetters[random() % std::size(kLetters)];
      return;
    }
    // An alternative may be empty.
    const std::size_t parts =
        kind_ == Kind::kRepeated ? 1 : random() % 3 + (kind_ == Kind::kAlternatives);
    for (std::size_t i = 0; i < parts; ++i) parts_.push_back(RandomPattern(random, depth - 1));
    if (kind_ == Kind::kAlternatives && parts == 1) kind_ = Kind::kSequence;
    if (kind_ != Kind::kRepeated) return;
    const struct {
      const char* text;
      int least, most;
    } kTimes[] = {{"?", 0, 1},           {"??", 0, 1},          {"*", 0, kEndless},
                  {"+", 1, kEndless},    {"{2}", 2, 2},         {"{0,2}", 0, 2},
                  {"{0,}", 0, kEndless}, {"{1,}", 1, kEndless}, {"{1,3}", 1, 3},
                  {"{2,}", 2, kEndless}, {"{3,}?", 3, kEndless}};
    const auto& times = kTimes[random() % std::size(kTimes)];
    std::tie(text_, least_, most_) = std::tuple(times.text, times.least, times.most);
  }

  Places ends(std::u32string_view letters, Places places) const {
    Places all;
    switch (kind_) {
      case Kind::kLetters:
        for (const std::size_t place : places) {
          const bool is_one =
              place < letters.size() && letters_.find(letters[place]) != std::u32string_view::npos;
          if (is_one) all.insert(place + 1);
        }
        return all;
      case Kind::kSequence:
        for (const RandomPattern& part : parts_) places = part.ends(letters, std::move(places));
        return places;
      case Kind::kAlternatives:
        for (const RandomPattern& part : parts_) all.merge(part.ends(letters, places));
        return all;
      case Kind::kRepeated:
        break;
    }
    for (int times = 0; times <= most_ && !places.empty(); ++times) {
      if (times >= least_) all.insert(places.begin(), places.end());
      places = parts_[0].ends(letters, std::move(places));
    }
    return all;
  }

  static constexpr int kEndless = 12;  // more than the strings have letters

  Kind kind_;
  std::string text_;
  std::u32string_view letters_ = {};
  std::vector<RandomPattern> parts_ = {};
  int least_ = 0, most_ = 0;
};

class PatternTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tokenizer_ = std::make_unique<text::Tokenizer>(
        text::Tokenizer::load(std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl"));
    end_ = *tokenizer_->special_token("<|im_end|>");
    vocabulary_ = std::make_unique<Vocabulary>(*tokenizer_, std::span(&end_, 1));
  }
  static void TearDownTestSuite() {
    vocabulary_.reset();
    tokenizer_.reset();
  }

  static std::shared_ptr<const Grammar> grammar_of(const std::string& pattern) {
    return vocabulary_->json(nlohmann::json{{"type", "string"}, {"pattern", pattern}}.dump(),
                             pattern);
  }

  static bool accepts(const std::shared_ptr<const Grammar>& grammar, const std::string& text) {
    return accepts_text(grammar, *tokenizer_, end_, '"' + text + '"');
  }

  static inline std::unique_ptr<text::Tokenizer> tokenizer_;
  static inline std::int32_t end_ = 0;
  static inline std::unique_ptr<Vocabulary> vocabulary_;
};

TEST_F(PatternTest, AcceptsWhatThePatternMatches) {
  constexpr std::u32string_view kLetters = U"abя ";
  std::mt19937 random(23);
  int accepted = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    const RandomPattern pattern(random);
    const auto grammar = grammar_of(pattern.text());
    for (int j = 0; j < 30; ++j) {
      std::u32string letters(random() % 7, U'\0');
      for (char32_t& letter : letters) letter = kLetters[random() % kLetters.size()];
      std::string text;
      for (const char32_t letter : letters) text::append_utf8(text, letter);
      const bool is_match = pattern.matches(letters);
      ASSERT_EQ(accepts(grammar, text), is_match) << pattern.text() << " with '" << text << "'";
      ++(is_match ? accepted : refused);
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(refused, 1000);
}

TEST_F(PatternTest, RepeatsAGroupAsAWhole) {
  const struct {
    const char *pattern, *accepted, *refused;
  } kCases[] = {{"^(?:[^n].*|n(?:[^a].*|a.+)?)?$", "nab", "na"},
                {"^(ab*)?$", "abb", "b"},
                {"^(?:а*б)?$", "аб", "а"},
                {"(ab*|cd*){1,}", "cca", "ccb"}};
  for (const auto& [pattern, accepted, refused] : kCases) {
    const auto grammar = grammar_of(pattern);
    EXPECT_TRUE(accepts(grammar, accepted)) << pattern;
    EXPECT_FALSE(accepts(grammar, refused)) << pattern;
  }
}

TEST_F(PatternTest, NegatedClassesMayNameWhatStringsDoNotHave) {
  EXPECT_TRUE(accepts(grammar_of(R"([^\r\n]+)"), "строка"));
  EXPECT_FALSE(accepts(grammar_of(R"([^\t-z]+)"), "a"));
  EXPECT_TRUE(accepts(grammar_of(R"([^\n-\x20]+)"), "-"));
  EXPECT_TRUE(accepts(grammar_of(R"(\ud83d\ude00)"), "😀"));
}

TEST_F(PatternTest, WritesPatternsInAscii) {
  const auto written = [](std::string_view pattern) {
    PatternCost cost;
    const std::string once = checked_pattern(pattern, "p", cost);
    EXPECT_EQ(checked_pattern(once, "p", cost), once);
    return once;
  };
  EXPECT_EQ(written("^[а-я]{2,}$"), R"(^[\u{430}-\u{44f}]{1}[\u{430}-\u{44f}]+$)");
  EXPECT_EQ(written(R"(\d+\.\d*?|[^"\\]\u0041)"),
            R"([0-9]+\.[0-9]*|[\u{20}-\u{21}\u{23}-\u{5b}\u{5d}-\u{d7ff}\u{e000}-\u{10ffff}]A)");
}

TEST_F(PatternTest, WritesAlternativesOfOneLetterAsAClass) {
  const std::pair<const char*, const char*> kCases[] = {{"(a|b|c|d)+", "([a-d])+"},
                                                        {"a|[b-я]|\\d|a$", R"([0-9a-\u{44f}])"},
                                                        {"((?:a)|(b|-))|c", R"([\u{2d}a-c])"},
                                                        {"(a|th|b|)", "(th||[a-b])"},
                                                        {"(|a)(th|b)", "(|[a])(th|[b])"},
                                                        {"(a|b{2}|c?|d)x", "(b{2}|c{0,1}|[ad])x"},
                                                        {"(a)(b)", "(a)(b)"},
                                                        {"((ab|c)|d)", "((ab|[c])|[d])"}};
  for (const auto& [pattern, written] : kCases) {
    PatternCost cost;
    EXPECT_EQ(checked_pattern(pattern, "p", cost), written) << pattern;
  }
}

/// `pattern` and `letters`, which match the same, take the same time.
TEST_F(PatternTest, PredictsTheTimeOfAlternativesAsThatOfAClass) {
  const std::pair<const char*, const char*> kCases[] = {
      {"(a|b|c|d)+", "[a-d]+"},
      {"((e|t|a|o|i|n|s|r|h|l){1,5} ?){3}", "([etaoinsrhl]{1,5} ?){3}"},
      {"((а|е|и|о|у|т|с|р|н|л)+ ?){9}", "([аеиоутсрнл]+ ?){9}"},
      {"(([A-Z]|[a-z]|[d-x]|\\d|_){1,8}-?){2}", "(\\w{1,8}-?){2}"}};
  for (const auto& [pattern, letters] : kCases) {
    PatternCost cost, expected;
    checked_pattern(pattern, "p", cost);
    checked_pattern(letters, "p", expected);
    EXPECT_DOUBLE_EQ(cost.seconds, expected.seconds) << pattern;
    EXPECT_GT(cost.seconds, 0);
  }
}

TEST_F(PatternTest, RefusesClassesWithoutLetters) {
  for (const char* pattern :
       {R"([^ -\u{10ffff}])", R"([^\s\S])", R"(\ud83d)", "[z-a]", R"([a-\d])"}) {
    EXPECT_THROW(grammar_of(pattern), Error) << pattern;
  }
}

}  // namespace
}  // namespace oko::grammar

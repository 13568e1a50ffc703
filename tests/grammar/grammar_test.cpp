#include "grammar/grammar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "testing/random_qwen_tokenizer.h"
#include "tests/grammar/accepts_text.h"
#include "tests/grammar/random_schema.h"
#include "tests/grammar/schema_validator.h"

namespace oko::grammar {
namespace {

using nlohmann::json;

const std::filesystem::path kModel = std::filesystem::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl";

class GrammarTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tokenizer_ = std::make_unique<text::Tokenizer>(text::Tokenizer::load(kModel));
    end_ = *tokenizer_->special_token("<|im_end|>");
    vocabulary_ = std::make_unique<Vocabulary>(*tokenizer_, std::span(&end_, 1));
  }
  static void TearDownTestSuite() {
    vocabulary_.reset();
    tokenizer_.reset();
  }

  static std::vector<float> logits() {
    return std::vector<float>(static_cast<std::size_t>(tokenizer_->vocab_size()) + 5, 1.0f);
  }

  /// An answer of a model that knows nothing, and that likes to close what is open: strings would
  /// have no end otherwise.
  static std::string random_answer(const std::string& schema, std::mt19937& random) {
    Matcher matcher(vocabulary_->json(schema, "schema"));
    std::vector<std::int32_t> ids;
    while (!matcher.has_ended()) {
      std::vector<float> row = logits();
      matcher.mask(row);
      std::vector<std::int32_t> allowed, closing;
      for (std::int32_t id = 0; id < static_cast<std::int32_t>(row.size()); ++id) {
        if (std::isinf(row[static_cast<std::size_t>(id)])) continue;
        allowed.push_back(id);
        const std::string_view bytes = tokenizer_->token_bytes(id);
        const bool closes = id == end_ || (!bytes.empty() && bytes.size() < 3 &&
                                           std::string_view("\"}]").find(bytes[0]) != bytes.npos);
        if (closes) closing.push_back(id);
      }
      const bool wants_end = random() % 4 < (ids.size() > 100 ? 3u : 1u);
      const auto& from = wants_end && !closing.empty() ? closing : allowed;
      const std::int32_t id = from.at(random() % from.size());
      matcher.accept(id);
      if (id != end_) ids.push_back(id);
      if (ids.size() > 3000) {
        ADD_FAILURE() << "no end: " << schema;
        break;
      }
    }
    return tokenizer_->decode(ids, /*skip_special=*/false);
  }

  /// True if an answer may be just this text.
  static bool may_say(const std::string& schema, const std::string& answer) {
    return accepts_text(vocabulary_->json(schema, "schema"), *tokenizer_, end_, answer);
  }

  static inline std::unique_ptr<text::Tokenizer> tokenizer_;
  static inline std::int32_t end_ = 0;
  static inline std::unique_ptr<Vocabulary> vocabulary_;
};

/// The file that tools/grammar/compare_with_jsonschema.py reads, if it asks for it.
std::ofstream answers_file() {
  const char* path = std::getenv("OKO_SCHEMA_ANSWERS");
  return path == nullptr ? std::ofstream() : std::ofstream(path);
}

TEST_F(GrammarTest, EveryAnswerIsValidAgainstItsSchema) {
  std::ofstream file = answers_file();
  std::mt19937 random(7);
  int differing = 0, refused = 0;
  for (unsigned i = 0; i < 200; ++i) {
    const std::string schema = RandomSchema(i).make().dump();
    const SchemaValidator validator(json::parse(schema));
    std::string last;
    for (int answers = 0; answers < 2; ++answers) {
      const std::string answer = random_answer(schema, random);
      ASSERT_TRUE(json::accept(answer)) << schema << "\n" << answer;
      EXPECT_TRUE(validator.accepts(json::parse(answer))) << schema << "\n" << answer;
      EXPECT_EQ(answer.find("\uFFFD"), std::string::npos) << answer;
      if (answer != last) ++differing;
      last = answer;
    }
    // Answers of another schema show that the validator refuses, too.
    const SchemaValidator other(json::parse(RandomSchema(i + 1000).make().dump()));
    const json value = json::parse(last);
    const bool fits_other = other.accepts(value);
    if (!fits_other) ++refused;
    if (!file.is_open()) continue;
    file << json{{"schema", json::parse(schema)}, {"answer", value}, {"valid", true}} << "\n"
         << json{{"schema", json::parse(RandomSchema(i + 1000).make().dump())},
                 {"answer", value},
                 {"valid", fits_other}}
         << "\n";
  }
  EXPECT_GT(differing, 150);
  EXPECT_GT(refused, 150);
}

TEST_F(GrammarTest, NoOtherPropertyHasTheNameOfAKnownOne) {
  const std::string schema =
      R"({"type":"object","properties":{"name":{"type":"integer"},"имя":{"type":"integer"},)"
      R"("a\"b":{"type":"integer"}},"required":["name"],"additionalProperties":{"type":"string"}})";
  const struct {
    const char* rest;
    bool is_valid;
  } kCases[] = {
      {"", true},
      {R"(, "имя": 1)", true},
      {R"(, "a\"b": 1)", true},
      {R"(, "x": "a")", true},
      {R"(, "": "a")", true},
      {R"(, "nam": "a", "names": "b")", true},
      {R"(, "цена": "a", "им": "b", "имяя": "c")", true},
      {R"(, "имя": 1, "имена": "a")", true},
      {R"(, "x": 1)", false},
      {R"(, "name": "a")", false},
      {R"(, "имя": "a")", false},
      {R"(, "имя": 1, "имя": "a")", false},
      {R"(, "n\u0061me": "a")", false},
      {R"(, "\u006eame": "a")", false},
      {R"(, "\u0438мя": "a")", false},
      {R"(, "a\"b": "a")", false},
      {R"(, "a\u0022b": "a")", false},
  };
  for (const auto& [rest, is_valid] : kCases) {
    EXPECT_EQ(may_say(schema, R"({"name": 1)" + std::string(rest) + "}"), is_valid) << rest;
  }
}

TEST_F(GrammarTest, AllowsOnlyTheEndAfterTheLastLetter) {
  Matcher matcher(vocabulary_->json(R"({"const":1})", "schema"));
  std::vector<float> row = logits();
  matcher.mask(row);
  for (std::int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    const bool is_one = tokenizer_->token_bytes(id) == "1";
    EXPECT_EQ(std::isinf(row[static_cast<std::size_t>(id)]), !is_one) << id;
    if (is_one) matcher.accept(id);
  }
  EXPECT_FALSE(matcher.has_ended());
  row = logits();
  matcher.mask(row);
  for (std::size_t id = 0; id < row.size(); ++id) {
    EXPECT_EQ(std::isinf(row[id]), id != static_cast<std::size_t>(end_)) << id;
  }
  matcher.accept(end_);
  EXPECT_TRUE(matcher.has_ended());
}

TEST_F(GrammarTest, SpecialTokensAndControlCharactersAreNoText) {
  Matcher matcher(vocabulary_->json(R"({"type":"string","maxLength":9})", "schema"));
  for (std::int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    if (tokenizer_->token_bytes(id) == "\"") matcher.accept(id);
  }
  std::vector<float> row = logits();
  matcher.mask(row);
  for (std::int32_t id = 0; id < tokenizer_->vocab_size(); ++id) {
    const std::string_view bytes = tokenizer_->token_bytes(id);
    const bool has_control =
        std::ranges::any_of(bytes, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    if (has_control || tokenizer_->special_token(bytes) == id) {
      EXPECT_TRUE(std::isinf(row[static_cast<std::size_t>(id)])) << bytes;
    }
  }
}

TEST_F(GrammarTest, NumbersBeyondTheVocabularyAreNoTokens) {
  const auto tokenizer =
      text::Tokenizer::parse(testing::random_qwen_tokenizer(1000).dump(), "random tokenizer");
  const auto size = static_cast<std::size_t>(tokenizer.vocab_size());
  ASSERT_NE(size % 32, 0u);
  const std::int32_t end = *tokenizer.special_token("<|im_end|>");
  const Vocabulary vocabulary(tokenizer, std::span(&end, 1));
  Matcher matcher(vocabulary.json("{}", "schema"));
  std::vector<float> row(size + 40, 1.0f);
  matcher.mask(row);
  for (std::size_t id = size; id < row.size(); ++id) EXPECT_TRUE(std::isinf(row[id])) << id;
}

TEST_F(GrammarTest, RefusesATokenThatTheMaskExcludes) {
  Matcher matcher(vocabulary_->json(R"({"type":"boolean"})", "schema"));
  std::vector<float> row = logits();
  matcher.mask(row);
  EXPECT_THROW(matcher.accept(end_), Error);
}

TEST_F(GrammarTest, RefusesWhatXgrammarWouldIgnore) {
  for (const char* schema : {R"({"type":"number","multipleOf":0.5})",
                             R"({"type":"string","pattern":"a+","maxLength":3})",
                             R"({"oneOf":[{"type":"string"},{"type":"string","maxLength":3}]})",
                             R"({"type":"integer","minimum":2,"maximum":1})"}) {
    try {
      vocabulary_->json(schema, "format");
      ADD_FAILURE() << schema;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_TRUE(error.message().contains("format is not supported: ")) << error.what();
    }
  }
}

}  // namespace
}  // namespace oko::grammar

#include "grammar/json_schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text_escape.h"
#include "grammar/pattern.h"

namespace oko::grammar {
namespace {

using nlohmann::ordered_json;

std::string checked(const std::string& schema) {
  PatternCost cost;
  return checked_schema(schema, "format", cost);
}

/// The message for a schema that is refused; empty if it is not.
std::string refusal_of(const std::string& schema) {
  try {
    checked(schema);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
}

std::string refusal_of_pattern(const std::string& pattern) {
  return refusal_of(ordered_json{{"type", "string"}, {"pattern", pattern}}.dump());
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string schema_with_properties(int count) {
  ordered_json schema{{"type", "object"}, {"properties", ordered_json::object()}};
  for (int i = 0; i < count; ++i) schema["properties"]["p" + std::to_string(i)] = true;
  return schema.dump();
}

TEST(JsonSchemaTest, KeepsTheOrderOfPropertiesAndWhatItDoesNotKnow) {
  const std::string schema =
      R"({"type":"object","title":"T","properties":{"z":{"type":"string"},"a":{"type":"null"}},)"
      R"("required":["z"],"x-order":1})";
  EXPECT_EQ(checked(schema), schema);
}

TEST(JsonSchemaTest, ObjectsWithoutNamedPropertiesAndListsWithoutItemsTakeAll) {
  EXPECT_EQ(checked(R"({"type":"object"})"), R"({"type":"object","additionalProperties":true})");
  EXPECT_EQ(checked(R"({"type":"array"})"), R"({"type":"array","items":{}})");
}

TEST(JsonSchemaTest, OtherPropertiesHaveOtherNames) {
  EXPECT_EQ(
      checked(
          R"({"type":"object","properties":{"a":{},"ab":{},"я":{}},"additionalProperties":{}})"),
      R"({"type":"object","properties":{"a":{},"ab":{},"я":{}},"additionalProperties":false,)"
      R"("patternProperties":{"^([^a\\u{44f}].*|a([^b].*|b(.+))|\\u{44f}(.+)|)$":{}}})");
  const auto with_name = [](const std::string& name) {
    return R"({"type":"object","properties":{")" + name + R"(":{}},"additionalProperties":true})";
  };
  // Long names: by their first letters.
  const std::string of_long =
      checked(R"({"type":"object","properties":{")" + std::string(60'000, 'a') +
              R"(":{},"имя":{},"игра":{}},"additionalProperties":true})");
  EXPECT_NE(of_long.find(R"({"^([^a\\u{438}].*|a([^a].*|a([^a].*|a()"), std::string::npos);
  EXPECT_EQ(of_long.find("aaaaaaaaa", of_long.find("patternProperties")), std::string::npos);
  // One inside of another, which moves.
  const std::string inner = with_name("x");
  const std::string both =
      checked(R"({"type":"object","properties":{"y":{}},"additionalProperties":)" + inner + "}");
  EXPECT_NE(both.find(R"("patternProperties":{"^([^y].*|y(.+)|)$":{"type":"object","properties")"),
            std::string::npos)
      << both;
}

TEST(JsonSchemaTest, RefusesWhatWouldBeIgnored) {
  const std::vector<std::pair<std::string, std::string>> refused{
      {R"({"not":{"type":"string"}})", "not is not supported"},
      {R"({"type":"array","uniqueItems":true})", "uniqueItems is not supported"},
      {R"({"type":"object","patternProperties":{"a":{}}})", "patternProperties"},
      {R"({"type":"string","anyOf":[{"minLength":1}]})", "type next to anyOf"},
      {R"({"anyOf":[true],"properties":{}})", "properties next to anyOf"},
      {R"({"$ref":"#/$defs/a","minimum":1,"$defs":{"a":true}})", "minimum next to $ref"},
      {R"({"allOf":[true,true]})", "allOf of several"},
      {R"({"minimum":1})", "type is missing"},
      {R"({"required":["a"]})", "type is missing"},
      {R"({"type":"object","properties":{},"required":["a"]})", "required names"},
      {R"({"type":"integer","enum":["a"]})", "not of its type"},
      {R"({"type":"text"})", "type must be"},
      {R"({"enum":[]})", "enum must be"},
      {R"({"type":"array","items":false,"prefixItems":[false]})", "format/prefixItems/0"},
      {R"({"type":"object","additionalProperties":true,"minProperties":2})", "minProperties"},
      {"7", "must be an object"},
      {"{", "is not a JSON schema"}};
  for (const auto& [schema, reason] : refused) {
    EXPECT_NE(refusal_of(schema).find(reason), std::string::npos)
        << schema << " -> " << refusal_of(schema);
  }
}

TEST(JsonSchemaTest, RefusesReferencesOutOfItselfAndWithoutEnd) {
  for (const char* target : {"#/$defs/b", "other.json", "http://localhost/x", "#a", "#/~2"}) {
    EXPECT_NE(refusal_of(ordered_json{{"$ref", target}}.dump()).find("$ref must name"),
              std::string::npos)
        << target;
  }
  const std::vector<std::pair<std::string, std::string>> endless{
      {R"({"$ref":"#"})", "needs itself"},
      {R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}})",
       "needs itself"},
      {R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})", "needs itself"},
      {R"({"type":"array","items":{"$ref":"#"},"minItems":1})", "needs itself"},
      {R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", "refers to itself"}};
  for (const auto& [schema, reason] : endless) {
    EXPECT_NE(refusal_of(schema).find(reason), std::string::npos)
        << schema << " -> " << refusal_of(schema);
  }
  EXPECT_EQ(refusal_of(R"({"type":"object","properties":{"a":{"$ref":"#"}}})"), "");
  EXPECT_EQ(refusal_of(R"({"type":"array","items":{"$ref":"#"}})"), "");
}

TEST(JsonSchemaTest, LimitsSize) {
  const std::vector<std::pair<std::string, std::string>> large{
      {R"({"title":")" + std::string(kMostSchemaBytes, 'a') + R"("})", "the limit is 65536"},
      {repeated(R"({"items":)", 40) + "true" + repeated("}", 40), "more than 32 levels"},
      {R"({"const":)" + repeated("[", 30'000) + repeated("]", 30'000) + "}", "more than 32 levels"},
      {schema_with_properties(501), "more properties than 500"},
      {R"({"enum":[)" + repeated("1,", 1000) + "1]}", "more values in enum than 1000"},
      {R"({"anyOf":[)" + repeated("{},", 1000) + "{}]}", "more schemas than 1000"},
      {R"({"type":"array","minItems":1001})", "up to 1000"},
      {R"({"type":"string","maxLength":2001})", "up to 2000"},
      {R"({"type":"string","minLength":-1})", "whole number"}};
  for (const auto& [schema, reason] : large) {
    EXPECT_NE(refusal_of(schema).find(reason), std::string::npos)
        << excerpt(schema, 80) << " -> " << refusal_of(schema);
  }
  EXPECT_EQ(refusal_of(schema_with_properties(500)), "");
}

TEST(JsonSchemaTest, LimitsPatterns) {
  const std::vector<std::pair<std::string, std::string>> refused{
      {repeated("a", 513), "513 letters, the limit is 512"},
      {"(a{50}){50}", "more than 500 steps"},
      {"a{501}", "more than 500 repetitions"},
      {repeated("(", 21) + "a" + repeated(")", 21), "groups in each other"},
      {"(?=a)b", "only groups"},
      {"(?<!a)b", "only groups"},
      {R"((a)\1)", "is not supported"},
      {R"(\bword\b)", "is not supported"},
      {R"(\p{L}+)", "is not supported"},
      {R"(say "hi")", "quotes"},
      {R"(\\)", "quotes"},
      {R"(\n)", "quotes"},
      {R"(\x22)", "quotes"},
      {R"(["])", "quotes"},
      {"a^b", "not allowed"},
      {"a$b", "not allowed"},
      {"a**", "two repetitions"},
      {"*a", "not allowed"},
      {"(a", "without )"},
      {"a)", "without ("},
      {"[a", "without ]"},
      {"[]", "empty class"},
      {"a{2,1}", "wrong repetition"},
      {"a\\", "not finished"}};
  for (const auto& [pattern, reason] : refused) {
    EXPECT_NE(refusal_of_pattern(pattern).find(reason), std::string::npos)
        << excerpt(pattern, 80) << " -> " << refusal_of_pattern(pattern);
  }
}

/// Each takes xgrammar 2 to 20 s with the vocabulary of Qwen3, though its steps are few.
TEST(JsonSchemaTest, RefusesPatternsThatTakeLongToCompile) {
  for (const char* pattern :
       {"^([a-z]{1,20} ?){20}$", "^([a-zа-я]{1,20} ?){20}$", "(.{0,5}){5}", "(.?){20}",
        "([^a]*){20}", "(.{0,5}){50}", "^([А-Яа-яЁёA-Za-z]{1,10}[ -]?){10}$", "^(.*а){120}$",
        "^(([a-z]?){10}[.-]?){20}$", "^([\\u4e00-\\u9fff]{0,8}){12}$"}) {
    const std::string refusal = refusal_of_pattern(pattern);
    EXPECT_NE(refusal.find(" s to compile, the limit is 3 s"), std::string::npos)
        << pattern << " -> " << refusal;
  }
  EXPECT_NE(refusal_of_pattern("(.{0,5}){50}").find("would take > 10 s"), std::string::npos);
}

TEST(JsonSchemaTest, TakesEverydayPatterns) {
  for (const char* pattern :
       {R"(^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$)",
        R"(^\d{2}\.\d{2}\.\d{4}$)",
        R"(^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$)",
        "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        R"(^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$)",
        R"(^\+7 ?\(?\d{3}\)? ?\d{3}-?\d{2}-?\d{2}$)",
        "^[АВЕКМНОРСТУХ]\\d{3}[АВЕКМНОРСТУХ]{2}\\d{2,3}$",
        R"(^(\d{10}|\d{12})$)",
        R"(^\d{3}-\d{3}-\d{3} \d{2}$)",
        "^#[0-9a-fA-F]{6}$",
        "^[А-ЯЁ][а-яё]{1,30} [А-ЯЁ][а-яё]{1,30}( [А-ЯЁ][а-яё]{1,30})?$",
        "^[A-Z][a-z]+( [A-Z][a-z]+)*$",
        R"(^https?://[^\s/$.?#].[^\s]*$)",
        R"(^(\d{1,3}\.){3}\d{1,3}$)",
        R"(^[\w.-]+(/[\w.-]+)*$)",
        "^[a-z0-9]+(-[a-z0-9]+)*$",
        "^.{1,40}$",
        "^.{1,100}$",
        "^.{1,128}$",
        "^[a-z0-9_-]{3,32}$",
        "^[a-zа-яё ]{1,255}$",
        "^([а-яё]+[ ,.-]*){1,20}$",
        "^((а|е|и|о|у|т|с|р|н|л|в|к)+ ?){1,20}$"}) {
    EXPECT_EQ(refusal_of_pattern(pattern), "") << pattern;
  }
}

TEST(JsonSchemaTest, CountsAllPatternsTogether) {
  ordered_json schema{{"type", "object"}};
  for (int i = 0; i < 40; ++i) {  // the same
    schema["properties"]["a" + std::to_string(i)] = {{"type", "string"},
                                                     {"pattern", "^[a-zа-яё.]{1,20}$"}};
  }
  EXPECT_EQ(refusal_of(schema.dump()), "");
  for (int i = 1; i < 120; ++i) {
    schema["properties"]["b" + std::to_string(i)] = {
        {"type", "string"}, {"pattern", "^[a-zа-яё.]{1," + std::to_string(i) + "}$"}};
  }
  EXPECT_NE(refusal_of(schema.dump()).find("format/properties/b"), std::string::npos);
  // A grammar of several schemas.
  PatternCost cost;
  const auto of_schema = [](int letters) {
    return ordered_json{{"type", "string"},
                        {"pattern", "^[a-z .]{1," + std::to_string(letters) + "}$"}}
        .dump();
  };
  EXPECT_THROW(
      {
        for (int i = 20; i < 120; ++i) checked_schema(of_schema(i), "tools", cost);
      },
      Error);
}

}  // namespace
}  // namespace oko::grammar

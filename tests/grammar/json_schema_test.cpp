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

/// The message for a schema that is refused; empty if it is not.
std::string refusal_of(const std::string& schema) {
  try {
    checked_schema(schema, "format");
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
  EXPECT_EQ(checked_schema(schema, "format"), schema);
}

TEST(JsonSchemaTest, ObjectsWithoutNamedPropertiesAndListsWithoutItemsTakeAll) {
  EXPECT_EQ(checked_schema(R"({"type":"object"})", "format"),
            R"({"type":"object","additionalProperties":true})");
  EXPECT_EQ(checked_schema(R"({"type":"array"})", "format"), R"({"type":"array","items":{}})");
}

TEST(JsonSchemaTest, OtherPropertiesHaveOtherNames) {
  EXPECT_EQ(
      checked_schema(
          R"({"type":"object","properties":{"a":{},"ab":{},"я":{}},"additionalProperties":{}})",
          "format"),
      R"({"type":"object","properties":{"a":{},"ab":{},"я":{}},"additionalProperties":false,)"
      R"("patternProperties":{"^([^a\\u{44f}].*|a([^b].*|b(.+))|\\u{44f}(.+)|)$":{}}})");
  const auto with_name = [](const std::string& name) {
    return R"({"type":"object","properties":{")" + name + R"(":{}},"additionalProperties":true})";
  };
  EXPECT_NO_THROW(checked_schema(with_name(std::string(200, 'a')), "format"));
  EXPECT_THROW(checked_schema(with_name(std::string(201, 'a')), "format"), Error);
  // One inside of another, which moves.
  const std::string inner = with_name("x");
  const std::string both = checked_schema(
      R"({"type":"object","properties":{"y":{}},"additionalProperties":)" + inner + "}", "format");
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

TEST(JsonSchemaTest, CountsAllPatternsTogether) {
  ordered_json schema{{"type", "object"}};
  schema["properties"]["a"] = {{"type", "string"}, {"pattern", "a{200}"}};
  schema["properties"]["b"] = {{"type", "string"}, {"pattern", "b{200}"}};
  EXPECT_EQ(refusal_of(schema.dump()), "");
  schema["properties"]["c"] = {{"type", "string"}, {"pattern", "c{200}"}};
  EXPECT_NE(refusal_of(schema.dump()).find("format/properties/c: "), std::string::npos);
}

}  // namespace
}  // namespace oko::grammar

// Bodies of requests, as nlohmann's own parser reads them.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "base/error.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

/// English, as a client sees it; empty: it was accepted.
std::string refusal(std::string_view body) {
  try {
    parse_request(body);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage) << body;
    return error.what();
  }
  return {};
}

/// Objects within the limits are accepted by both parsers with one value, all else by neither.
void expect_read_alike(const std::string& body) {
  const RequestJson expected = RequestJson::parse(body, nullptr, /*allow_exceptions=*/false);
  if (expected.is_discarded() || !expected.is_object()) {
    EXPECT_NE(refusal(body), "") << body;
    return;
  }
  ASSERT_EQ(refusal(body), "") << body;
  EXPECT_EQ(parse_request(body), expected) << body;
}

constexpr const char* kBodies[] = {
    R"({})",
    " {\"a\" : [ ] , \"b\":{ } }\r\n\t ",
    "\xEF\xBB\xBF{\"a\":1}",
    R"({"model":"tiny-vl","temperature":0.7,"stop":["\n","\u0416\ud83d\ude00"],"n":null})",
    R"({"Вопрос":"Что \"здесь\"\\\/?","b":true,"c":false,"\u0062":2})",
    R"({"a":0,"b":-0,"c":-1,"d":9223372036854775807,"e":9223372036854775808,
        "f":-9223372036854775808,"g":18446744073709551615,"h":18446744073709551616,
        "i":-9223372036854775809})",
    R"({"a":0.1,"b":1e5,"c":-2.5E-3,"d":123456789012345678901234567890.5,"e":1e-400,
        "f":8.988465674311579e307,"g":0.30000000000000004,"h":5e-324,"i":1E+2,"j":-0.0})",
    R"({"a":1,"a":[2,{"a":3}],"b":{"c":[[],[[]],{}]}})",
};

TEST(RequestParserTest, ReadsWhatAnotherParserReads) {
  for (const char* body : kBodies) {
    EXPECT_EQ(refusal(body), "") << body;
    expect_read_alike(body);
  }
  for (const char* body : {"",
                           " ",
                           "[1]",
                           "7",
                           "null",
                           "{",
                           "}",
                           "{}}",
                           "{} {}",
                           "{\"a\":1,}",
                           "{\"a\":[1,]}",
                           "{\"a\":01}",
                           "{\"a\":1.}",
                           "{\"a\":.5}",
                           "{\"a\":+1}",
                           "{\"a\":1e}",
                           "{\"a\":NaN}",
                           "{\"a\":tru}",
                           "{'a':1}",
                           "{a:1}",
                           "{\"a\":1/**/}",
                           "{\"a\":\"\n\"}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{\"a\":\"\\udc00\"}",
                           "{\"a\":\"\xFF\"}",
                           "{\"a\":\"\xED\xA0\x80\"}",
                           "{\"a\":\"\xC0\x80\"}",
                           "\xEF\xBB{}",
                           "{\"a\"}",
                           "{\"a\":1 \"b\":2}",
                           "{\"a\":\"b}"}) {
    EXPECT_NE(refusal(body), "") << body;
    expect_read_alike(body);
  }
  expect_read_alike(std::string("{\"a\0b\":1}", 9));
}

TEST(RequestParserTest, NumbersFromZeroOnAreUnsigned) {
  const RequestJson read =
      parse_request(R"({"a":0,"b":9223372036854775807,"c":9223372036854775808,"d":-1,"e":1.0})");
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(read.at(name).is_number_unsigned()) << name;
  EXPECT_FALSE(read.at("d").is_number_unsigned());
  EXPECT_TRUE(read.at("e").is_number_float());
}

TEST(RequestParserTest, ReadsDamagedBodiesAsAnotherParserDoes) {
  std::mt19937 random(5);
  constexpr std::string_view kPieces = "{}[]\",:0189-+.eE\\u \n\tntf/\x80\xD0\xFF";
  const auto place_in = [&](const std::string& text) { return random() % (text.size() + 1); };
  for (const char* body : kBodies) {
    for (int i = 0; i < 3000; ++i) {
      std::string damaged = body;
      for (auto left = 1 + random() % 3; left > 0; --left) {
        const std::size_t place = place_in(damaged);
        const char piece = kPieces[random() % kPieces.size()];
        switch (random() % 4) {
          case 0:
            damaged.insert(place, 1, piece);
            break;
          case 1:
            damaged.resize(std::max<std::size_t>(place, 1));
            break;
          case 2:
            damaged.erase(place, 1 + random() % 4);
            break;
          default:
            damaged[std::min(place, damaged.size() - 1)] = piece;
        }
        if (damaged.empty()) damaged = "{";
      }
      expect_read_alike(damaged);
    }
  }
}

TEST(RequestParserTest, NamesThePlaceWhereTheJsonEnds) {
  EXPECT_EQ(refusal("{\"a\":1,}"), "the body is not JSON, at byte 8");
  EXPECT_EQ(refusal("{} x"), "the body is not JSON, at byte 4");
  EXPECT_EQ(refusal(""), "the body is not JSON, at byte 1");
}

TEST(RequestParserTest, RefusesTooManyLevelsAndValuesAndTooLargeNumbers) {
  const auto nested = [](std::size_t levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_EQ(refusal(nested(64)), "");
  EXPECT_EQ(refusal(nested(65)), "the JSON has more than 64 levels");
  EXPECT_EQ(refusal(nested(1'000'000)), "the JSON has more than 64 levels");
  const auto long_list = [](std::size_t values) {
    std::string list = "{\"a\":[0";
    for (std::size_t i = 1; i < values; ++i) list += ",0";
    return list + "]}";
  };
  EXPECT_EQ(refusal(long_list(99'998)), "");
  EXPECT_EQ(refusal(long_list(99'999)), "the JSON has more than 100000 values");
  EXPECT_EQ(refusal(R"({"a":1e999})"), "the JSON has a number that is too large");
  EXPECT_EQ(refusal(R"({"a":-1e999})"), "the JSON has a number that is too large");
}

TEST(RequestParserTest, KeepsLongStringsWhole) {
  std::string text;
  for (int i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i) + (i % 999 ? "" : "Ж\n");
  EXPECT_EQ(parse_request(RequestJson{{"a", text}}.dump()).at("a"), text);
}

}  // namespace
}  // namespace oko::server

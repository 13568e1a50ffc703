#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace oko::grammar {

/// Makes JSON schemas of all that oko supports, in each other.
class RandomSchema {
 public:
  using json = nlohmann::ordered_json;
  explicit RandomSchema(unsigned seed) : random_(seed) {}

  json make() {
    json schema = any(3);
    if (below(4) == 0) {
      schema = {{"$defs", {{"узел", node()}, {"part", any(1)}}},
                {"type", "object"},
                {"properties",
                 {{"дерево", {{"$ref", "#/$defs/узел"}}}, {"part", {{"$ref", "#/$defs/part"}}}}},
                {"required", {"дерево"}}};
    }
    return schema;
  }

 private:
  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  template <typename Choices>
  const auto& one_of(const Choices& choices) {
    return choices[static_cast<std::size_t>(below(static_cast<int>(std::size(choices))))];
  }

  static json node() {
    return {
        {"type", "object"},
        {"properties",
         {{"имя", {{"type", "string"}, {"maxLength", 5}}},
          {"дети", {{"type", "array"}, {"items", {{"$ref", "#/$defs/узел"}}}, {"maxItems", 2}}}}},
        {"required", {"имя"}},
        {"additionalProperties", false}};
  }

  json text() {
    static const std::array<json, 14> kTexts{
        json{{"type", "string"}},
        json{{"type", "string"}, {"minLength", 2}, {"maxLength", 6}},
        json{{"type", "string"}, {"maxLength", 3}},
        json{{"type", "string"}, {"pattern", "^[a-z]{2,5}$"}},
        json{{"type", "string"}, {"pattern", R"(^\d{4}-\d{2}-\d{2}$)"}},
        json{{"type", "string"}, {"pattern", "^[А-Яа-яё]{1,6}$"}},
        json{{"type", "string"}, {"pattern", "^(да|нет|может быть)$"}},
        json{{"type", "string"}, {"pattern", R"(^\w+@\w+\.(ru|com)$)"}},
        json{{"type", "string"}, {"pattern", "^[^a-z]{1,4}$"}},
        json{{"type", "string"}, {"pattern", R"(^\S+ .{1,3}$)"}},
        json{{"type", "string"}, {"pattern", "[A-F0-9]+|я?"}},
        json{{"type", "string"}, {"format", "date"}},
        json{{"type", "string"}, {"format", "email"}},
        json{{"type", {"string", "null"}}, {"maxLength", 4}}};
    return one_of(kTexts);
  }

  json number() {
    const int least = below(200) - 100, most = least + below(150);
    switch (below(6)) {
      case 0:
        return {{"type", "integer"}};
      case 1:
        return {{"type", "integer"}, {"minimum", least}, {"maximum", most}};
      case 2:
        return {{"type", "number"}, {"minimum", least}, {"maximum", most + 0.5}};
      case 3:
        return {{"type", "integer"}, {"exclusiveMinimum", least}};
      case 4:
        return {{"type", "integer"}, {"minimum", 0}, {"maximum", 60}, {"multipleOf", 5}};
      default:
        return {{"type", "number"}, {"exclusiveMinimum", least - 0.25}, {"maximum", most}};
    }
  }

  json fixed() {
    switch (below(3)) {
      case 0:
        return {{"enum", {"красный", "зелёный", "a\"b\\c", 7, nullptr, json::array({1, 2})}}};
      case 1:
        return {{"const", {{"ключ", {1.5, "да\n"}}}}};
      default:
        return {{"type", "string"}, {"enum", {"дом", "кот", "house"}}};
    }
  }

  json list(int depth) {
    json schema{{"type", "array"}};
    if (below(4) == 0) {
      schema["prefixItems"] = {any(depth - 1), any(depth - 1)};
      schema["items"] = below(2) == 0 ? json(false) : any(depth - 1);
    } else {
      schema["items"] = any(depth - 1);
      if (below(2) == 0) schema["minItems"] = below(3);
    }
    schema["maxItems"] = 2 + below(3);
    return schema;
  }

  json object(int depth) {
    static const std::array<std::string, 8> kNames{"имя",  "возраст", "city",       "a b",
                                                   "цвет", "x/y",     "кавычка \"", "z_9"};
    json schema{{"type", "object"}, {"properties", json::object()}, {"required", json::array()}};
    for (int i = 1 + below(4); i > 0; --i) {
      const std::string& name = one_of(kNames);
      if (schema["properties"].contains(name)) continue;
      schema["properties"][name] = any(depth - 1);
      if (below(3) != 0) schema["required"].push_back(name);
    }
    switch (below(5)) {
      case 0:
        schema["additionalProperties"] = number();
        schema["maxProperties"] = 6;
        break;
      case 1:
        schema["additionalProperties"] = false;
        break;
      default:
        break;
    }
    return schema;
  }

  json any(int depth) {
    const int kind = below(depth > 0 ? 10 : 5);
    if (kind < 2) return text();
    if (kind == 2) return number();
    if (kind == 3) return fixed();
    if (kind == 4) return {{"type", below(2) == 0 ? "boolean" : "null"}};
    if (kind < 7) return object(depth);
    if (kind == 7) return list(depth);
    if (kind == 8) return {{"anyOf", {any(depth - 1), any(depth - 1), {{"type", "null"}}}}};
    return {{"oneOf",
             {{{"type", "object"},
               {"properties", {{"вид", {{"const", "круг"}}}, {"r", number()}}},
               {"required", {"вид", "r"}}},
              {{"type", "object"},
               {"properties", {{"вид", {{"const", "точка"}}}}},
               {"required", {"вид"}}}}}};
  }

  std::mt19937 random_;
};

}  // namespace oko::grammar

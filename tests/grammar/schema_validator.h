#pragma once

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "text/utf8.h"

namespace oko::grammar {

/// Says whether a value is valid against a JSON schema: the keywords that oko supports, each as
/// JSON Schema 2020-12 says it, written without a look at what makes answers. tools/grammar
/// compares it with Python's jsonschema.
class SchemaValidator {
 public:
  using json = nlohmann::json;
  explicit SchemaValidator(json root) : root_(std::move(root)) {}

  bool accepts(const json& value) const { return accepts(root_, value); }

 private:
  static std::wstring letters_of(const std::string& utf8) {
    std::wstring letters;
    for (std::size_t at = 0; at < utf8.size();) {
      const text::Utf8Step step = text::next_utf8(utf8, at);
      letters += static_cast<wchar_t>(step.code_point);
      at += step.length;
    }
    return letters;
  }

  static bool is_of_type(const json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "number") return value.is_number();
    if (!value.is_number()) return false;
    return value.is_number_integer() || value.get<double>() == std::trunc(value.get<double>());
  }

  int matching(const json& cases, const json& value) const {
    int count = 0;
    for (const json& each : cases) count += accepts(each, value) ? 1 : 0;
    return count;
  }

  bool accepts(const json& schema, const json& value) const {
    if (schema.is_boolean()) return schema.get<bool>();
    const auto has = [&](const char* word) { return schema.contains(word); };
    if (has("$ref")) {
      const std::string target = schema.at("$ref").get<std::string>().substr(1);
      if (!accepts(root_.at(json::json_pointer(target)), value)) return false;
    }
    if (has("const") && schema.at("const") != value) return false;
    if (has("enum")) {
      const json& values = schema.at("enum");
      if (std::find(values.begin(), values.end(), value) == values.end()) return false;
    }
    if (has("anyOf") && matching(schema.at("anyOf"), value) == 0) return false;
    if (has("oneOf") && matching(schema.at("oneOf"), value) != 1) return false;
    if (has("allOf") &&
        matching(schema.at("allOf"), value) != static_cast<int>(schema.at("allOf").size())) {
      return false;
    }
    if (has("type")) {
      const json& type = schema.at("type");
      bool is_any = false;
      for (const json& each : type.is_array() ? type : json::array({type})) {
        is_any = is_any || is_of_type(value, each);
      }
      if (!is_any) return false;
    }
    if (value.is_number() && !accepts_number(schema, value)) return false;
    if (value.is_string() && !accepts_string(schema, value)) return false;
    if (value.is_array() && !accepts_array(schema, value)) return false;
    return !value.is_object() || accepts_object(schema, value);
  }

  static bool accepts_number(const json& schema, const json& value) {
    const double number = value.get<double>();
    const auto bound = [&](const char* word, double none) { return schema.value(word, none); };
    return number >= bound("minimum", -HUGE_VAL) && number <= bound("maximum", HUGE_VAL) &&
           number > bound("exclusiveMinimum", -HUGE_VAL) &&
           number < bound("exclusiveMaximum", HUGE_VAL) &&
           (!schema.contains("multipleOf") || std::fmod(number, bound("multipleOf", 1)) == 0);
  }

  static bool accepts_string(const json& schema, const json& value) {
    const std::wstring letters = letters_of(value);
    if (letters.size() < schema.value("minLength", std::size_t{0})) return false;
    if (letters.size() > schema.value("maxLength", SIZE_MAX)) return false;
    if (!schema.contains("pattern")) return true;
    return std::regex_search(letters, std::wregex(letters_of(schema.at("pattern"))));
  }

  bool accepts_array(const json& schema, const json& value) const {
    if (value.size() < schema.value("minItems", std::size_t{0})) return false;
    if (value.size() > schema.value("maxItems", SIZE_MAX)) return false;
    const json first = schema.value("prefixItems", json::array());
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i < first.size() && !accepts(first[i], value[i])) return false;
      const bool is_rest = i >= first.size() && schema.contains("items");
      if (is_rest && !accepts(schema.at("items"), value[i])) return false;
    }
    return true;
  }

  bool accepts_object(const json& schema, const json& value) const {
    if (value.size() < schema.value("minProperties", std::size_t{0})) return false;
    if (value.size() > schema.value("maxProperties", SIZE_MAX)) return false;
    for (const json& name : schema.value("required", json::array())) {
      if (!value.contains(name.get<std::string>())) return false;
    }
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, each] : value.items()) {
      if (properties.contains(key)) {
        if (!accepts(properties.at(key), each)) return false;
      } else if (schema.contains("additionalProperties") &&
                 !accepts(schema.at("additionalProperties"), each)) {
        return false;
      }
    }
    return true;
  }

  json root_;
};

}  // namespace oko::grammar

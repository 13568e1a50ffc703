#include "grammar/json_schema.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "grammar/other_names.h"
#include "grammar/schema_recursion.h"

namespace oko::grammar {
namespace {

using Schema = nlohmann::ordered_json;  // answers have the properties in this order
using Words = std::initializer_list<const char*>;

/// Keywords that say something about the value and that nobody could ignore.
constexpr Words kUnsupported = {"not",           "if",
                                "then",          "else",
                                "dependencies",  "dependentRequired",
                                "contains",      "dependentSchemas",
                                "minContains",   "maxContains",
                                "propertyNames", "patternProperties",
                                "$dynamicRef",   "unevaluatedItems",
                                "$recursiveRef", "additionalItems"};
constexpr Words kOfObject = {"properties",    "additionalProperties", "required",
                             "minProperties", "maxProperties",        "unevaluatedProperties"};
constexpr Words kOfArray = {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"};
constexpr Words kOfText = {"minLength", "maxLength", "pattern", "format"};
constexpr Words kOfNumber = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
                             "multipleOf"};
constexpr Words kChoices = {"$ref", "const", "enum", "anyOf", "oneOf", "allOf"};
constexpr Words kTypes = {"object", "array", "string", "number", "integer", "boolean", "null"};

bool has_any(const Schema& schema, Words words) {
  return std::ranges::any_of(words, [&](const char* word) { return schema.contains(word); });
}

std::string in_pointer(std::string key) {
  for (std::size_t at = 0; (at = key.find_first_of("~/", at)) != std::string::npos; at += 2) {
    key.replace(at, 1, key[at] == '~' ? "~0" : "~1");
  }
  return key;
}

bool is_of_type(const Schema& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  return value.is_null();
}

class SchemaChecker {
 public:
  SchemaChecker(Schema schema, const std::string& name, PatternCost& cost)
      : root_(std::move(schema)), name_(name), pattern_cost_(cost) {}

  std::string run() {
    waiting_.emplace_back();
    while (!waiting_.empty()) {
      const std::string pointer = std::move(waiting_.front());
      waiting_.pop_front();
      if (seen_.insert(pointer).second) check(pointer);
    }
    if (const std::string endless = recursion_.endless(); !endless.empty()) {
      refuse(endless, tr("needs itself, without an end", "требует саму себя, без конца"));
    }
    if (const std::string own = recursion_.own_case(); !own.empty()) {
      refuse(own, tr("refers to itself", "ссылается на саму себя"));
    }
    name_others();
    return root_.dump();
  }

 private:
  [[noreturn]] void refuse(const std::string& pointer, const LocalizedText& reason) const {
    throw Error(ErrorCode::kUsage,
                tr("{}{}: {}", "{}{}: {}", name_, excerpt(pointer == "/" ? "" : pointer), reason));
  }
  void limit(std::size_t count, std::size_t most, const LocalizedText& what) const {
    if (count <= most) return;
    throw Error(ErrorCode::kUsage,
                tr("{} has more {} than {}", "{}: {} больше {}", name_, what, most));
  }

  /// A schema inside of `pointer` that is checked later.
  std::string inside(const std::string& pointer, const std::string& key) {
    std::string other = pointer + "/" + in_pointer(key);
    waiting_.push_back(other);
    return other;
  }

  void check(const std::string& pointer) {
    limit(seen_.size(), kMostSchemas, tr("schemas", "схем"));
    Schema& schema = root_.at(Schema::json_pointer(pointer));
    if (schema == true) return recursion_.add(pointer, {});
    if (!schema.is_object()) {
      refuse(pointer, tr("a schema must be an object", "схема должна быть объектом"));
    }
    for (const char* word : kUnsupported) {
      if (schema.contains(word)) refuse_word(pointer, word);
    }
    for (const char* definitions : {"$defs", "definitions"}) {
      if (schema.contains(definitions) && !schema.at(definitions).is_object()) {
        refuse(pointer, tr("{} must be an object", "{}: нужен объект", definitions));
      }
    }
    const auto choice =
        std::ranges::find_if(kChoices, [&](const char* word) { return schema.contains(word); });
    if (choice == kChoices.end()) return check_typed(pointer, schema);
    for (const Words& words : {kOfObject, kOfArray, kOfText, kOfNumber, kChoices}) {
      for (const char* word : words) {
        if (word != *choice && schema.contains(word)) {
          refuse(pointer, tr("{} next to {} is not supported", "{} рядом с {} не поддерживается",
                             word, *choice));
        }
      }
    }
    check_choice(pointer, schema, *choice);
  }

  [[noreturn]] void refuse_word(const std::string& pointer, const char* word) const {
    refuse(pointer, tr("{} is not supported", "{} не поддерживается", word));
  }

  void check_choice(const std::string& pointer, const Schema& schema, const std::string& word) {
    const Schema& value = schema.at(word);
    if (word == "const" || word == "enum") {
      check_values(pointer, schema, word == "enum" ? value : Schema::array({value}));
      return recursion_.add(pointer, {});
    }
    if (schema.contains("type")) {
      refuse(pointer,
             tr("type next to {} is not supported", "type рядом с {} не поддерживается", word));
    }
    if (word == "$ref") return recursion_.add_same(pointer, {target_of(pointer, value)});
    if (!value.is_array() || value.empty()) {
      refuse(pointer, tr("{} must be a list of schemas", "{}: нужен список схем", word));
    }
    if (word == "allOf" && value.size() > 1) {
      refuse(pointer, tr("allOf of several schemas is not supported",
                         "allOf из нескольких схем не поддерживается"));
    }
    const std::string place = pointer + "/" + word;
    std::vector<std::string> cases(value.size());
    for (std::size_t i = 0; i < cases.size(); ++i) cases[i] = inside(place, std::to_string(i));
    recursion_.add_same(pointer, std::move(cases));
  }

  void check_values(const std::string& pointer, const Schema& schema, const Schema& values) {
    if (!values.is_array() || values.empty()) {
      refuse(pointer, tr("enum must be a list of values", "enum: нужен список значений"));
    }
    enum_values_ += values.size();
    limit(enum_values_, kMostEnumValues, tr("values in enum", "значений в enum"));
    if (!schema.contains("type")) return;
    const std::vector<std::string> types = types_of(pointer, schema);
    for (const Schema& value : values) {
      if (std::ranges::none_of(types, [&](const auto& type) { return is_of_type(value, type); })) {
        refuse(pointer, tr("a value of enum or const is not of its type",
                           "значение enum или const не того типа"));
      }
    }
  }

  /// The pointer of a $ref in this schema.
  std::string target_of(const std::string& pointer, const Schema& reference) {
    const std::string text = reference.is_string() ? reference.get<std::string>() : "";
    if (text.find("/additionalProperties") != std::string::npos) {
      refuse(pointer, tr("$ref into additionalProperties is not supported",
                         "$ref внутрь additionalProperties не поддерживается"));
    }
    const auto fail = [&] {
      refuse(pointer, tr("$ref must name a schema inside of this one: #/$defs/NAME",
                         "$ref должен называть схему внутри этой: #/$defs/NAME"));
    };
    if (text != "#" && !text.starts_with("#/")) fail();
    try {
      const Schema::json_pointer target(text.substr(1));
      if (!root_.contains(target)) fail();
      waiting_.push_back(target.to_string());
      return target.to_string();
    } catch (const nlohmann::json::exception&) {
      fail();
    }
    return {};
  }

  std::vector<std::string> types_of(const std::string& pointer, const Schema& schema) const {
    const Schema& type = schema.at("type");
    std::vector<std::string> types;
    for (const Schema& each : type.is_array() ? type : Schema::array({type})) {
      const bool is_known = each.is_string() && std::ranges::any_of(kTypes, [&](const char* name) {
                              return each == name;
                            });
      if (!is_known || types.size() == kTypes.size()) {
        refuse(pointer, tr("type must be {} or a list of them", "type: нужно {} или их список",
                           "object, array, string, number, integer, boolean, null"));
      }
      types.push_back(each.get<std::string>());
    }
    if (types.empty()) refuse(pointer, tr("type is empty", "type пуст"));
    return types;
  }

  void check_typed(const std::string& pointer, Schema& schema) {
    if (!schema.contains("type")) {
      if (has_any(schema, {"properties", "additionalProperties"})) {
        schema["type"] = "object";
      } else if (has_any(schema, {"items", "prefixItems"})) {
        schema["type"] = "array";
      } else {
        for (const Words& words : {kOfObject, kOfArray, kOfText, kOfNumber}) {
          if (has_any(schema, words)) refuse(pointer, tr("type is missing", "нет type"));
        }
        return recursion_.add(pointer, {});
      }
    }
    std::vector<std::string> needed;
    bool has_scalar = false;
    for (const std::string& type : types_of(pointer, schema)) {
      if (type == "object") {
        check_object(pointer, schema, needed);
      } else if (type == "array") {
        check_array(pointer, schema, needed);
      } else {
        has_scalar = true;
        if (type == "string") check_text(pointer, schema);
      }
    }
    recursion_.add(pointer, has_scalar ? std::vector<std::string>() : std::move(needed));
  }

  /// A number of things; -1: the schema does not say it.
  std::int64_t count_of(const std::string& pointer, const Schema& schema, const char* word,
                        std::int64_t most) const {
    if (!schema.contains(word)) return -1;
    const Schema& value = schema.at(word);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t(most)) {
      refuse(pointer,
             tr("{} must be a whole number up to {}", "{}: нужно целое число до {}", word, most));
    }
    return value.get<std::int64_t>();
  }

  void check_text(const std::string& pointer, Schema& schema) {
    count_of(pointer, schema, "minLength", kMostTextLength);
    count_of(pointer, schema, "maxLength", kMostTextLength);
    for (const char* word : {"pattern", "format"}) {
      if (schema.contains(word) && !schema.at(word).is_string()) {
        refuse(pointer, tr("{} must be a string", "{}: нужна строка", word));
      }
    }
    const std::string place = name_ + excerpt(pointer);
    if (schema.contains("format")) {
      add_format(schema.at("format").get<std::string>(), place, pattern_cost_);
    }
    if (schema.contains("pattern")) {
      // Of several types of one schema the second finds the pattern checked; it stays the same.
      schema["pattern"] =
          checked_pattern(schema.at("pattern").get<std::string>(), place, pattern_cost_);
    }
  }

  void check_object(const std::string& pointer, Schema& schema, std::vector<std::string>& needed) {
    if (schema.contains("unevaluatedProperties") && schema.at("unevaluatedProperties") != false) {
      refuse_word(pointer, "unevaluatedProperties");
    }
    if (!schema.contains("properties") && !schema.contains("additionalProperties")) {
      schema["additionalProperties"] = true;
    }
    const bool takes_others =
        schema.contains("additionalProperties") && schema.at("additionalProperties") != false;
    const auto least = count_of(pointer, schema, "minProperties", kMostItems);
    count_of(pointer, schema, "maxProperties", kMostItems);
    if (least > 1 && takes_others) {
      refuse(pointer, tr("minProperties above 1 with additionalProperties is not supported",
                         "minProperties больше 1 с additionalProperties не поддерживается"));
    }
    if (takes_others && schema.at("additionalProperties") != true) {
      inside(pointer, "additionalProperties");
    }
    const Schema properties = schema.value("properties", Schema::object());
    const Schema required = schema.value("required", Schema::array());
    if (!properties.is_object() || !required.is_array()) {
      refuse(pointer, tr("properties must be an object and required a list",
                         "properties — объект, required — список"));
    }
    properties_ += properties.size();
    limit(properties_, kMostProperties, tr("properties", "свойств"));
    if (takes_others && !properties.empty()) with_others_.push_back(pointer);
    std::set<std::string> names;
    for (const Schema& name : required) {
      if (!name.is_string() || !properties.contains(name.get<std::string>())) {
        refuse(pointer, tr("required names what properties does not have: {}",
                           "required называет то, чего нет в properties: {}",
                           excerpt(name.dump(-1, ' ', false, Schema::error_handler_t::replace))));
      }
      names.insert(name.get<std::string>());
    }
    for (const auto& [key, value] : properties.items()) {
      std::string other = inside(pointer + "/properties", key);
      if (names.contains(key)) needed.push_back(std::move(other));
    }
  }

  void check_array(const std::string& pointer, Schema& schema, std::vector<std::string>& needed) {
    if (schema.contains("uniqueItems") && schema.at("uniqueItems") != false) {
      refuse_word(pointer, "uniqueItems");
    }
    if (!has_any(schema, {"items", "prefixItems"})) schema["items"] = Schema::object();
    const auto least = count_of(pointer, schema, "minItems", kMostItems);
    count_of(pointer, schema, "maxItems", kMostItems);
    const Schema first = schema.value("prefixItems", Schema::array());
    if (!first.is_array())
      refuse(pointer, tr("prefixItems must be a list", "prefixItems: нужен список"));
    for (std::size_t i = 0; i < first.size(); ++i) {
      needed.push_back(inside(pointer + "/prefixItems", std::to_string(i)));
    }
    if (!schema.contains("items") || schema.at("items").is_boolean()) return;
    std::string items = inside(pointer, "items");
    if (least > static_cast<std::int64_t>(first.size())) needed.push_back(std::move(items));
  }

  /// Other properties than those that an object names get a pattern for their names.
  void name_others() {
    // Those inside of others first, before their pointers change.
    std::ranges::sort(with_others_, std::ranges::greater(), &std::string::size);
    const std::size_t most = pattern_cost_.other_states;
    for (const std::string& pointer : with_others_) {
      Schema& schema = root_.at(Schema::json_pointer(pointer));
      if (schema.contains("patternProperties")) continue;  // of two types: it was here before
      std::vector<std::string> names;
      for (const auto& [key, value] : schema.at("properties").items()) names.push_back(key);
      const OtherNames others =
          pattern_of_other_names(names, std::max<std::size_t>(most / with_others_.size(), 1));
      add_other_names(others.pattern, others.states, name_ + excerpt(pointer), pattern_cost_);
      schema["patternProperties"] = Schema::object();
      schema["patternProperties"][others.pattern] = std::move(schema["additionalProperties"]);
      schema["additionalProperties"] = false;
    }
  }

  Schema root_;
  const std::string& name_;
  std::deque<std::string> waiting_;  // pointers of schemas
  std::set<std::string> seen_;
  std::vector<std::string> with_others_;  // pointers of objects that take other properties, too
  std::size_t properties_ = 0, enum_values_ = 0;
  PatternCost& pattern_cost_;
  SchemaRecursion recursion_;
};

}  // namespace

std::string checked_schema(std::string_view schema, const std::string& name, PatternCost& cost) {
  if (schema.size() > kMostSchemaBytes) {
    throw Error(ErrorCode::kUsage,
                tr("{} has {} bytes, the limit is {}", "{}: {} байт, предел — {}", name,
                   schema.size(), kMostSchemaBytes));
  }
  const auto check_depth = [&](int depth, Schema::parse_event_t, Schema&) {
    if (depth <= kMostSchemaLevels) return true;
    throw Error(ErrorCode::kUsage,
                tr("{} has more than {} levels", "{}: больше {} уровней", name, kMostSchemaLevels));
  };
  try {
    return SchemaChecker(Schema::parse(schema, check_depth), name, cost).run();
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::kUsage, tr("{} is not a JSON schema", "{} — не схема JSON", name));
  }
}

}  // namespace oko::grammar

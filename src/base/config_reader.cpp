#include "base/config_reader.h"

#include <cmath>

#include "base/error.h"
#include "base/json_file.h"
#include "base/localized_text.h"

namespace oko {

using nlohmann::json;

void ConfigReader::fail(const LocalizedText& what) const {
  throw Error(ErrorCode::kBadModel, format_text("{}: {}", file_, what), hint_);
}

void ConfigReader::fail_absent(const char* key) const {
  fail(tr("has no {}", "нет {}", path_ + key));
}

void ConfigReader::refuse(const char* key, const json& value, const LocalizedText& expected) const {
  fail(tr("{} is {}, oko expects {}", "{} = {}, а должно быть: {}", path_ + key, brief(value),
          expected));
}

const json* ConfigReader::find(const char* key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::is_null(const char* key) const {
  const auto found = object_.find(key);
  return found != object_.end() && found->is_null();
}

ConfigReader ConfigReader::child(const char* key) const {
  if (find(key) == nullptr) fail_absent(key);
  return child_or_empty(key);
}

ConfigReader ConfigReader::child_or_empty(const char* key) const {
  static const json kEmpty = json::object();
  const json* value = find(key);
  if (value != nullptr && !value->is_object()) refuse(key, *value, tr("an object", "объект"));
  return {value == nullptr ? kEmpty : *value, *this, key};
}

std::int64_t ConfigReader::checked_integer(const char* key, const json& value, std::int64_t low,
                                           std::int64_t high) const {
  // An unsigned number beyond int64 wraps to a negative one and is refused too.
  const bool right = value.is_number_integer() && value.get<std::int64_t>() >= low &&
                     value.get<std::int64_t>() <= high;
  if (!right) {
    refuse(key, value,
           low == high ? std::to_string(low)
                       : tr("an integer from {} to {}", "целое число от {} до {}", low, high));
  }
  return value.get<std::int64_t>();
}

std::int64_t ConfigReader::integer(const char* key, std::int64_t low, std::int64_t high) const {
  const json* value = find(key);
  if (value == nullptr) fail_absent(key);
  return checked_integer(key, *value, low, high);
}

std::int64_t ConfigReader::integer_or(const char* key, std::int64_t otherwise, std::int64_t low,
                                      std::int64_t high) const {
  return find(key) == nullptr ? otherwise : integer(key, low, high);
}

float ConfigReader::positive(const char* key) const {
  const json* value = find(key);
  if (value == nullptr) fail_absent(key);
  const float number = value->is_number() ? value->get<float>() : 0.0f;
  if (!(number > 0) || !std::isfinite(number)) {
    refuse(key, *value, tr("a number above 0", "число больше 0"));
  }
  return number;
}

float ConfigReader::positive_or(const char* key, float otherwise) const {
  return find(key) == nullptr ? otherwise : positive(key);
}

std::optional<double> ConfigReader::number(const char* key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) refuse(key, *value, tr("a number", "число"));
  return value->get<double>();
}

std::string ConfigReader::string_or(const char* key, const std::string& otherwise) const {
  const json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) refuse(key, *value, tr("a text", "строка"));
  return value->get<std::string>();
}

bool ConfigReader::boolean_or(const char* key, bool otherwise) const {
  const json* value = find(key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) refuse(key, *value, tr("true or false", "true или false"));
  return value->get<bool>();
}

std::uint64_t ConfigReader::dtype_bytes() const {
  for (const char* key : {"dtype", "torch_dtype"}) {
    const nlohmann::json* dtype = find(key);
    if (dtype == nullptr || dtype->is_object()) continue;
    return string_or(key, "") == "float32" ? 4 : 2;
  }
  return 0;
}

std::vector<int> ConfigReader::integers(const char* key, std::size_t most, int low,
                                        int high) const {
  const json* value = find(key);
  if (value == nullptr) fail_absent(key);
  if (!value->is_array() || value->size() > most) {
    refuse(key, *value, tr("at most {} integers", "не более {} целых чисел", most));
  }
  std::vector<int> result;
  for (const json& element : *value) {
    result.push_back(static_cast<int>(checked_integer(key, element, low, high)));
  }
  return result;
}

std::vector<int> ConfigReader::one_or_more(const char* key, int low, int high) const {
  const json* value = find(key);
  if (value == nullptr) return {};
  if (value->is_array()) return integers(key, value->size(), low, high);
  return {static_cast<int>(checked_integer(key, *value, low, high))};
}

}  // namespace oko

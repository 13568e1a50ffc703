#include "server/request_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/error.h"

namespace oko::server {
namespace {

constexpr int kMostLevels = 64;

}  // namespace

Json parse_request(std::string_view body) {
  const auto check_level = [](int depth, Json::parse_event_t event, Json&) {
    const bool begins =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (begins && depth >= kMostLevels) {
      throw Error(ErrorCode::kUsage,
                  tr("the JSON has more than {} levels", "в JSON больше {} уровней", kMostLevels));
    }
    return true;
  };
  try {
    Json json = Json::parse(body, check_level);
    if (!json.is_object()) refuse_value({}, tr("an object", "объект"));
    return json;
  } catch (const Json::parse_error& error) {
    throw Error(ErrorCode::kUsage, tr("the body is no JSON, at byte {}",
                                      "тело запроса — не JSON, байт {}", error.byte));
  } catch (const Json::exception&) {
    throw Error(ErrorCode::kUsage,
                tr("the JSON has a number that is too large", "в JSON есть слишком большое число"));
  }
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string numbers_text(std::span<const float> numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ","));
}

void refuse_value(const std::string& name, const LocalizedText& expected) {
  if (name.empty()) {
    throw Error(ErrorCode::kUsage, tr("the body must be {}", "тело запроса: нужно {}", expected));
  }
  throw Error(ErrorCode::kUsage, tr("{} must be {}", "{}: нужно {}", name, expected));
}

RequestFields::RequestFields(const Json& object, std::string name)
    : object_(object), name_(std::move(name)) {
  if (!object.is_object()) refuse_value(name_, tr("an object", "объект"));
}

std::string RequestFields::name_of(std::string_view field) const {
  return name_.empty() ? std::string(field) : name_ + "." + std::string(field);
}

const Json* RequestFields::find(std::string_view field) const {
  const auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const Json& RequestFields::need(std::string_view field) const {
  const Json* value = find(field);
  if (value == nullptr) {
    throw Error(ErrorCode::kUsage, tr("{} is missing", "нет поля {}", name_of(field)));
  }
  return *value;
}

std::optional<std::string> RequestFields::text(std::string_view field) const {
  const Json* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse_value(name_of(field), tr("a string", "строка"));
  return value->get<std::string>();
}

std::string RequestFields::need_text(std::string_view field) const {
  need(field);
  return *text(field);
}

std::optional<bool> RequestFields::flag(std::string_view field) const {
  const Json* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse_value(name_of(field), tr("true or false", "true или false"));
  return value->get<bool>();
}

std::optional<std::int64_t> RequestFields::integer(std::string_view field, std::int64_t least,
                                                   std::int64_t most) const {
  const auto value = number(field, static_cast<double>(least), static_cast<double>(most));
  if (!value) return std::nullopt;
  const auto whole = static_cast<std::int64_t>(*value);
  if (static_cast<double>(whole) != *value) {
    refuse_value(name_of(field), tr("a whole number", "целое число"));
  }
  return whole;
}

std::optional<double> RequestFields::number(std::string_view field, double least,
                                            double most) const {
  const Json* value = find(field);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) refuse_value(name_of(field), tr("a number", "число"));
  const double number = value->get<double>();
  if (!(number >= least && number <= most)) {
    refuse_value(name_of(field),
                 tr("from {} to {}, not {}", "от {} до {}, а не {}", least, most, number));
  }
  return number;
}

}  // namespace oko::server

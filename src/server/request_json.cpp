#include "server/request_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "base/error.h"

namespace oko::server {

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add_notes(Language language, const std::vector<LocalizedText>& notes, Json& object) {
  for (const LocalizedText& note : notes) object["notes"].push_back(note.in(language));
}

std::string numbers_text(std::span<const float> numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ","));
}

std::vector<std::string> texts_of_list(
    const RequestJson& list, const std::string& name, const LocalizedText& expected,
    const std::function<std::string(const RequestJson&, const std::string&)>& text_of) {
  if (!list.is_array() || list.empty()) refuse_value(name, expected);
  if (list.size() > kMostTexts) {
    throw Error(ErrorCode::kTooLarge, tr("{} has {} texts; at most {} fit one request",
                                         "в {} {} текстов; в одном запросе — не больше {}", name,
                                         list.size(), kMostTexts));
  }
  std::vector<std::string> texts;
  texts.reserve(list.size());
  for (const RequestJson& each : list) {
    texts.push_back(text_of(each, fmt::format("{}[{}]", name, texts.size())));
  }
  return texts;
}

void refuse_value(const std::string& name, const LocalizedText& expected) {
  if (name.empty()) {
    throw Error(ErrorCode::kUsage, tr("the body must be {}", "тело запроса: нужно {}", expected));
  }
  throw FieldError(name, tr("{} must be {}", "{}: нужно {}", name, expected));
}

RequestFields::RequestFields(const RequestJson& object, std::string name)
    : object_(object), name_(std::move(name)) {
  if (!object.is_object()) refuse_value(name_, tr("an object", "объект"));
}

std::string RequestFields::name_of(std::string_view field) const {
  return name_.empty() ? std::string(field) : name_ + "." + std::string(field);
}

const RequestJson* RequestFields::find(std::string_view field) const {
  const auto found = object_.find(field);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const RequestJson& RequestFields::need(std::string_view field) const {
  const RequestJson* value = find(field);
  if (value == nullptr) {
    throw FieldError(name_of(field), tr("{} is missing", "нет поля {}", name_of(field)));
  }
  return *value;
}

std::optional<std::string> RequestFields::text(std::string_view field) const {
  const RequestJson* value = find(field);
  return value == nullptr ? std::nullopt : std::optional(need_text(field));
}

const std::string& RequestFields::need_text(std::string_view field) const {
  const RequestJson& value = need(field);
  if (!value.is_string()) refuse_value(name_of(field), tr("a string", "строка"));
  return value.get_ref<const std::string&>();
}

std::optional<bool> RequestFields::flag(std::string_view field) const {
  const RequestJson* value = find(field);
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
  const RequestJson* value = find(field);
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

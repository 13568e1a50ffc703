#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::server {

inline constexpr std::size_t kMostTexts = 2048;  ///< of a request for vectors; OpenAI's limit

using Json = nlohmann::ordered_json;  ///< of an answer: its keys stay in order

/// Of a request: its objects are searched in a time that does not grow with their square.
using RequestJson = nlohmann::json;

/// A field of a request is wrong: kUsage. OpenAI's errors name it as "param".
class FieldError : public Error {
 public:
  FieldError(std::string field, const LocalizedText& message)
      : Error(ErrorCode::kUsage, message), field_(std::move(field)) {}

  const std::string& field() const { return field_; }

 private:
  std::string field_;
};

/// The JSON of a request's body: an object of at most 64 levels and 100,000 values. Throws kUsage,
/// with the place.
RequestJson parse_request(std::string_view body);

/// The JSON that is sent: strings that are not UTF-8 get U+FFFD.
std::string dump(const Json& json);

/// Adds notes for the user as "notes", a list of texts; none: nothing.
void add_notes(Language language, const std::vector<LocalizedText>& notes, Json& object);

/// A list of f32, each with no more digits than it has, which a JSON of doubles does not write.
std::string numbers_text(std::span<const float> numbers);

/// Fields of an object of a request. Those that are null count as missing; those that nobody asks
/// for are left alone, as clients send fields of later versions. Throws kUsage for a value of
/// another type, with its name.
class RequestFields {
 public:
  /// `object` must outlive it. `name`: of the object, for messages; empty: the body.
  explicit RequestFields(const RequestJson& object, std::string name = {});

  /// Null: it is not there.
  const RequestJson* find(std::string_view field) const;
  const RequestJson& need(std::string_view field) const;

  std::optional<std::string> text(std::string_view field) const;
  std::optional<bool> flag(std::string_view field) const;
  /// Throws kUsage outside of [least, most].
  std::optional<std::int64_t> integer(std::string_view field, std::int64_t least,
                                      std::int64_t most) const;
  std::optional<double> number(std::string_view field, double least, double most) const;
  /// In the object, without a copy: it may be a picture.
  const std::string& need_text(std::string_view field) const;

  /// "messages[2].content"
  std::string name_of(std::string_view field) const;

 private:
  const RequestJson& object_;
  std::string name_;
};

/// The texts of a list, each by `text_of(item, "name[2]")`. Throws kUsage if it is none or empty:
/// it is not `expected`; kTooLarge beyond kMostTexts.
std::vector<std::string> texts_of_list(
    const RequestJson& list, const std::string& name, const LocalizedText& expected,
    const std::function<std::string(const RequestJson&, const std::string&)>& text_of);

/// Throws kUsage: the value of `name` is not `expected`, a noun: "a string", "строка".
[[noreturn]] void refuse_value(const std::string& name, const LocalizedText& expected);

}  // namespace oko::server

// Boost.JSON finds the end of a long string 20 times as fast as nlohmann's parser, and a picture in
// base64 is such a string (docs/DECISIONS.md, 180). It is compiled here.
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/request_json.h"

namespace oko::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostLevels = 64;
constexpr std::size_t kMostValues = 100'000;

/// Builds the value, and counts before memory is taken. A value takes 16 bytes and more.
class RequestBuilder {
 public:
  static constexpr std::size_t max_object_size = kMostValues;
  static constexpr std::size_t max_array_size = kMostValues;
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  bool on_document_begin(json::error_code& /*error*/) { return true; }
  bool on_document_end(json::error_code& /*error*/) { return true; }
  bool on_object_begin(json::error_code& /*error*/) { return begin(RequestJson::object()); }
  bool on_object_end(std::size_t /*size*/, json::error_code& /*error*/) { return end(); }
  bool on_array_begin(json::error_code& /*error*/) { return begin(RequestJson::array()); }
  bool on_array_end(std::size_t /*size*/, json::error_code& /*error*/) { return end(); }
  bool on_key_part(json::string_view part, std::size_t /*size*/, json::error_code& /*error*/) {
    return append(part);
  }
  bool on_key(json::string_view part, std::size_t /*size*/, json::error_code& /*error*/) {
    append(part);
    key_ = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t /*size*/, json::error_code& /*error*/) {
    return append(part);
  }
  bool on_string(json::string_view part, std::size_t /*size*/, json::error_code& /*error*/) {
    append(part);
    add(std::exchange(text_, {}));
    return true;
  }
  bool on_number_part(json::string_view part, json::error_code& /*error*/) { return append(part); }
  bool on_int64(std::int64_t value, json::string_view /*part*/, json::error_code& /*error*/) {
    text_.clear();
    if (value < 0) {
      add(value);
    } else {
      add(static_cast<std::uint64_t>(value));  // `is_number_unsigned`, as by nlohmann's parser
    }
    return true;
  }
  bool on_uint64(std::uint64_t value, json::string_view /*part*/, json::error_code& /*error*/) {
    text_.clear();
    add(value);
    return true;
  }
  /// Boost's own value may be off by the last bit.
  bool on_double(double /*value*/, json::string_view part, json::error_code& /*error*/) {
    append(part);
    try {
      add(RequestJson::parse(std::exchange(text_, {})));
    } catch (const RequestJson::out_of_range&) {
      throw Error(ErrorCode::kUsage, tr("the JSON has a number that is too large",
                                        "в JSON есть слишком большое число"));
    }
    return true;
  }
  bool on_bool(bool value, json::error_code& /*error*/) {
    add(value);
    return true;
  }
  bool on_null(json::error_code& /*error*/) {
    add(nullptr);
    return true;
  }
  bool on_comment_part(json::string_view /*part*/, json::error_code& /*error*/) { return true; }
  bool on_comment(json::string_view /*part*/, json::error_code& /*error*/) { return true; }

  RequestJson take() { return std::move(root_); }

 private:
  bool append(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool begin(RequestJson empty) {
    if (open_.size() == kMostLevels) {
      throw Error(ErrorCode::kUsage,
                  tr("the JSON has more than {} levels", "в JSON больше {} уровней", kMostLevels));
    }
    open_.push_back(add(std::move(empty)));
    return true;
  }
  bool end() {
    open_.pop_back();
    return true;
  }
  /// Of two values with one key the last one counts.
  RequestJson* add(RequestJson value) {
    if (++values_ > kMostValues) {
      throw Error(ErrorCode::kUsage,
                  tr("the JSON has more than {} values", "в JSON больше {} значений", kMostValues));
    }
    RequestJson& place = open_.empty()              ? root_
                         : open_.back()->is_array() ? open_.back()->emplace_back()
                                                    : (*open_.back())[key_];
    place = std::move(value);
    return &place;
  }

  RequestJson root_;
  std::vector<RequestJson*> open_;  ///< the objects and arrays around the next value
  std::string key_, text_;
  std::size_t values_ = 0;
};

}  // namespace

RequestJson parse_request(std::string_view body) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const std::size_t start = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  json::parse_options options;
  options.max_depth = kMostLevels + 1;
  json::basic_parser<RequestBuilder> parser(options);
  json::error_code error;
  const std::size_t read =
      start + parser.write_some(false, body.data() + start, body.size() - start, error);
  if (error || read < body.size()) {
    throw Error(ErrorCode::kUsage, tr("the body is not JSON, at byte {}",
                                      "тело запроса — не JSON, байт {}", read + 1));
  }
  RequestJson request = parser.handler().take();
  if (!request.is_object()) refuse_value({}, tr("an object", "объект"));
  return request;
}

}  // namespace oko::server

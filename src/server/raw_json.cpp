#include "server/raw_json.h"

#include <algorithm>

namespace oko::server {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

/// Goes over the members of one object or array.
class RawReader {
 public:
  explicit RawReader(std::string_view text) : text_(text) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    skip_space();
    opening_ = take();
  }

  bool is_object() const { return opening_ == '{'; }
  bool is_array() const { return opening_ == '['; }

  /// False at the end.
  bool next(std::string_view& key, std::string_view& value) {
    skip_space();
    if (peek() == ',') ++at_;
    skip_space();
    if (peek() == '}' || peek() == ']' || peek() == '\0') return false;
    if (is_object()) {
      key = this->value();
      skip_space();
      ++at_;  // a colon
      skip_space();
    }
    value = this->value();
    return !value.empty();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  char take() { return at_ < text_.size() ? text_[at_++] : '\0'; }
  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }

  void skip_string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, text_.size());
  }

  std::string_view value() {
    const std::size_t first = at_;
    if (peek() == '"') {
      skip_string();
    } else if (peek() == '{' || peek() == '[') {
      int levels = 0;
      do {
        const char c = peek();
        if (c == '"') {
          skip_string();
          continue;
        }
        if (c == '{' || c == '[') ++levels;
        if (c == '}' || c == ']') --levels;
        ++at_;
      } while (levels > 0 && at_ < text_.size());
    } else {
      at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
    }
    return text_.substr(first, at_ - first);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char opening_ = '\0';
};

}  // namespace

std::string_view raw_member(std::string_view object, std::string_view key) {
  RawReader reader(object);
  std::string_view name, value, found;
  while (reader.is_object() && reader.next(name, value)) {
    if (name.size() == key.size() + 2 && name.substr(1, key.size()) == key) found = value;
  }
  return found;
}

std::string_view raw_element(std::string_view array, std::size_t index) {
  RawReader reader(array);
  std::string_view name, value;
  for (std::size_t i = 0; reader.is_array() && reader.next(name, value); ++i) {
    if (i == index) return value;
  }
  return {};
}

}  // namespace oko::server

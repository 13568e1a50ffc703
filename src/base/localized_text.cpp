#include "base/localized_text.h"

#include <algorithm>
#include <ostream>

namespace oko {
namespace {

constexpr std::string_view kKnobBegin = "\uFDD0";
constexpr std::string_view kKnobEnd = "\uFDD1";

std::string written(std::string_view name, KnobStyle style) {
  if (style == KnobStyle::kField) return std::string(name);
  std::string flag = "--";
  for (const char c : name) flag += c == '_' ? '-' : c;
  return flag;
}

}  // namespace

std::string LocalizedText::in(Language language, KnobStyle style) const {
  std::string_view rest = kept(language);
  std::string text;
  while (true) {
    const std::size_t begin = rest.find(kKnobBegin);
    const std::size_t end = rest.find(kKnobEnd, begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) break;
    const std::size_t name = begin + kKnobBegin.size();
    text += rest.substr(0, begin);
    text += written(rest.substr(name, end - name), style);
    rest.remove_prefix(end + kKnobEnd.size());
  }
  return text += rest;
}

LocalizedText LocalizedText::with(std::string_view part, std::string_view other) const {
  LocalizedText text = *this;
  for (std::string* one : {&text.english_, &text.russian_}) {
    for (std::size_t at = one->find(part); at != std::string::npos;
         at = one->find(part, at + other.size())) {
      one->replace(at, part.size(), other);
    }
  }
  return text;
}

LocalizedText& LocalizedText::operator+=(const LocalizedText& text) {
  english_ += text.english_;
  russian_ += text.russian_;
  return *this;
}

LocalizedText localized_number(const std::string& number) {
  std::string russian = number;
  std::replace(russian.begin(), russian.end(), '.', ',');
  return {number, russian};
}

LocalizedText any_of(const std::vector<LocalizedText>& ways) {
  LocalizedText text;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (i > 0) text += i + 1 == ways.size() ? tr(" or ", " или ") : LocalizedText(", ");
    text += ways[i];
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const LocalizedText& text) {
  return out << text.in(Language::kEnglish);
}

}  // namespace oko

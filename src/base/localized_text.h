#pragma once

#include <fmt/format.h>

#include <iosfwd>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/language.h"

namespace oko {

/// A setting that a text names, by its name in snake_case ("max_tokens"). A front end shows it as
/// its users write it: a flag on the command line, a field in a request.
struct Knob {
  std::string_view name;
};

/// How a front end writes a knob.
enum class KnobStyle {
  kField,  ///< max_tokens
  kFlag,   ///< --max-tokens
};

/// A text in every language that oko speaks. The front end that shows it picks the language, so one
/// process can answer clients of both.
class LocalizedText {
 public:
  LocalizedText() = default;
  LocalizedText(std::string english, std::string russian)
      : english_(std::move(english)), russian_(std::move(russian)) {}
  /// The same text in each language: a name, a number, the message of another library.
  LocalizedText(const std::string& same) : LocalizedText(same, same) {}
  LocalizedText(std::string_view same) : LocalizedText(std::string(same)) {}
  LocalizedText(const char* same) : LocalizedText(std::string(same)) {}

  /// The text as it is shown.
  std::string in(Language language, KnobStyle style = KnobStyle::kField) const;

  /// The text with its knobs in the kept form, for `tr` to put into another text.
  const std::string& kept(Language language) const {
    return language == Language::kRussian ? russian_ : english_;
  }

  bool empty() const { return english_.empty(); }
  bool contains(std::string_view part) const { return english_.find(part) != std::string::npos; }
  /// With `other` in place of each `part`.
  LocalizedText with(std::string_view part, std::string_view other) const;
  LocalizedText& operator+=(const LocalizedText& text);
  friend LocalizedText operator+(LocalizedText left, const LocalizedText& right) {
    return left += right;
  }
  friend bool operator==(const LocalizedText& left, const LocalizedText& right) {
    return left.english_ == right.english_ && left.russian_ == right.russian_;
  }
  friend bool operator<(const LocalizedText& left, const LocalizedText& right) {
    return std::tie(left.english_, left.russian_) < std::tie(right.english_, right.russian_);
  }

 private:
  std::string english_, russian_;
};

/// In English, for logs and tests.
std::ostream& operator<<(std::ostream& out, const LocalizedText& text);

namespace detail {

/// The argument that fmt gets: of a LocalizedText the text in one language.
template <typename T>
using FormattedAs = std::conditional_t<std::is_same_v<T, LocalizedText>, std::string, T>;

template <typename T>
const FormattedAs<T>& formatted_in(Language language, const T& argument) {
  if constexpr (std::is_same_v<T, LocalizedText>) {
    return argument.kept(language);
  } else {
    // NOLINTNEXTLINE(bugprone-return-const-ref-from-parameter): `tr` uses it while it lives
    return argument;
  }
}

}  // namespace detail

/// A text in both languages. Both formats take the same arguments (`fmt` syntax, checked at compile
/// time; the Russian one may reorder them by index).
/// An argument may be a LocalizedText or a Knob.
template <typename... Args>
LocalizedText tr(fmt::format_string<const detail::FormattedAs<Args>&...> english,
                 fmt::format_string<const detail::FormattedAs<Args>&...> russian,
                 const Args&... args) {
  return {fmt::format(english, detail::formatted_in(Language::kEnglish, args)...),
          fmt::format(russian, detail::formatted_in(Language::kRussian, args)...)};
}

/// A text with one format for both languages: "{}: {}" of a name and a reason.
template <typename... Args>
LocalizedText format_text(fmt::format_string<const detail::FormattedAs<Args>&...> format,
                          const Args&... args) {
  return tr(format, format, args...);
}

/// "a, b or c". At least one.
LocalizedText any_of(const std::vector<LocalizedText>& ways);

}  // namespace oko

template <>
struct fmt::formatter<oko::Knob> : fmt::formatter<std::string> {
  /// Kept between two code points that are no characters, until a front end is known.
  template <typename Context>
  auto format(const oko::Knob& knob, Context& context) const {
    return fmt::format_to(context.out(), "\uFDD0{}\uFDD1", knob.name);
  }
};

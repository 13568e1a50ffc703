#pragma once

#include <fmt/format.h>

#include <cstdint>
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

/// A number of things, rounded, as an argument of `tr`. The Russian format has the noun in the
/// forms of 1, 2 and 5, which depend on the number and the case: "{:токен|токена|токенов}"; the
/// English one may have those of 1 and of others: "{:token|tokens}".
struct Count {
  template <typename Number>
  explicit constexpr Count(Number things) : is_negative(things < Number{0}) {
    if constexpr (std::is_floating_point_v<Number>) {
      number = static_cast<std::uint64_t>((is_negative ? -things : things) + Number{0.5});
    } else {
      number = static_cast<std::uint64_t>(things);
      if (is_negative) number = -number;
    }
  }

  bool is_negative;  ///< as a setting of a damaged file is
  std::uint64_t number = 0;
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

/// A number as fmt has written it; in Russian its decimal point becomes a comma.
LocalizedText localized_number(const std::string& number);

namespace detail {

template <typename Number>
struct Real {
  Number number;
  Language language;
};

/// The argument that fmt gets: of a LocalizedText the text in one language.
template <typename T>
using FormattedAs = std::conditional_t<std::is_same_v<T, LocalizedText>, std::string,
                                       std::conditional_t<std::is_floating_point_v<T>, Real<T>, T>>;

template <typename T>
decltype(auto) formatted_in(Language language, const T& argument) {
  if constexpr (std::is_same_v<T, LocalizedText>) {
    return argument.kept(language);
  } else if constexpr (std::is_floating_point_v<T>) {
    return Real<T>{argument, language};
  } else {
    // NOLINTNEXTLINE(bugprone-return-const-ref-from-parameter): `tr` uses it while it lives
    return (argument);
  }
}

template <typename... Formatted>
std::string formatted(fmt::format_string<const Formatted&...> format,
                      const Formatted&... arguments) {
  return fmt::format(format, arguments...);
}

}  // namespace detail

/// A text in both languages. Both formats take the same arguments (`fmt` syntax, checked at compile
/// time; the Russian one may reorder them by index).
/// An argument may be a LocalizedText, a Knob or a Count. A measured number, such as of "{:.1f}",
/// has a decimal comma in Russian; that of "{}" is a setting, written as a user types it.
template <typename... Args>
LocalizedText tr(fmt::format_string<const detail::FormattedAs<Args>&...> english,
                 fmt::format_string<const detail::FormattedAs<Args>&...> russian,
                 const Args&... args) {
  using detail::formatted, detail::FormattedAs, detail::formatted_in;
  return {formatted<FormattedAs<Args>...>(english, formatted_in(Language::kEnglish, args)...),
          formatted<FormattedAs<Args>...>(russian, formatted_in(Language::kRussian, args)...)};
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
struct fmt::formatter<oko::Count> {
  constexpr const char* parse(fmt::format_parse_context& context) {
    const std::string_view rest(context.begin(),
                                static_cast<std::size_t>(context.end() - context.begin()));
    const std::string_view forms = rest.substr(0, rest.find('}'));
    const std::size_t first = forms.find('|'), second = forms.rfind('|');
    if (!forms.empty()) {
      if (first == forms.npos) throw fmt::format_error("two or three forms of a noun are needed");
      one_ = forms.substr(0, first);
      many_ = forms.substr(second + 1);
      if (first != second) few_ = forms.substr(first + 1, second - first - 1);
    }
    return context.begin() + forms.size();
  }

  template <typename Context>
  auto format(const oko::Count& count, Context& context) const {
    const char* sign = count.is_negative ? "-" : "";
    if (many_.empty()) return fmt::format_to(context.out(), "{}{}", sign, count.number);
    return fmt::format_to(context.out(), "{}{} {}", sign, count.number, form_of(count.number));
  }

 private:
  std::string_view form_of(std::uint64_t number) const {
    if (few_.empty()) return number == 1 ? one_ : many_;
    const std::uint64_t tens = number % 100 / 10, last = number % 10;
    if (tens == 1 || last == 0 || last > 4) return many_;
    return last == 1 ? one_ : few_;
  }

  std::string_view one_, few_, many_;  ///< `few_`: empty in English
};

template <typename Number>
struct fmt::formatter<oko::detail::Real<Number>> {
  constexpr const char* parse(fmt::format_parse_context& context) {
    const std::string_view rest(context.begin(),
                                static_cast<std::size_t>(context.end() - context.begin()));
    format_ = rest.substr(0, rest.find('}'));
    if (format_.find('{') != format_.npos) throw fmt::format_error("the precision is no argument");
    return fmt::formatter<Number>().parse(context);
  }

  template <typename Context>
  auto format(const oko::detail::Real<Number>& real, Context& context) const {
    if (format_.empty()) return fmt::format_to(context.out(), "{}", real.number);
    const std::string number =
        fmt::format(fmt::runtime(fmt::format("{{:{}}}", format_)), real.number);
    return fmt::format_to(context.out(), "{}", oko::localized_number(number).kept(real.language));
  }

 private:
  std::string_view format_;
};

template <>
struct fmt::formatter<oko::Knob> : fmt::formatter<std::string> {
  /// Kept between two code points that are no characters, until a front end is known.
  template <typename Context>
  auto format(const oko::Knob& knob, Context& context) const {
    return fmt::format_to(context.out(), "\uFDD0{}\uFDD1", knob.name);
  }
};

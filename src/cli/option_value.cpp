#include "cli/option_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <string_view>
#include <type_traits>

#include "base/error.h"
#include "base/localized_text.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

template <typename T>
struct Unwrapped {
  using Type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};

/// The type of the value of a target of type T*, without std::optional.
template <typename T>
using Held = typename Unwrapped<T>::Type;

template <typename T>
constexpr bool kIsText =
    std::is_same_v<Held<T>, std::string> || std::is_same_v<Held<T>, std::filesystem::path>;
template <typename T>
constexpr bool kIsList = std::is_same_v<T, std::vector<std::string>>;
template <typename T>
constexpr bool kIsNumber = std::is_arithmetic_v<Held<T>>;

char lower_case(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[noreturn]] void refuse(const LocalizedText& message) {
  throw Error(ErrorCode::kUsage, message);
}

/// The choice that `text` means, in its own spelling; `text` if any is valid.
std::string require_choice(const OptionValue& option, const std::string& text) {
  const std::vector<std::string>& choices = option.choices;
  if (choices.empty()) return text;
  const auto chosen = std::find_if(choices.begin(), choices.end(), [&](const std::string& each) {
    return std::equal(each.begin(), each.end(), text.begin(), text.end(),
                      [](char a, char b) { return lower_case(a) == lower_case(b); });
  });
  if (chosen != choices.end()) return *chosen;
  if (text.empty()) refuse(missing_value(option.name));
  const std::string list = fmt::format("{}", fmt::join(choices, ", "));
  refuse(tr("{}: {} is not one of {}", "{}: {} — не из списка {}", option.name, text, list));
}

template <typename Number>
[[noreturn]] void refuse_range(const OptionValue& option, const std::string& text) {
  require_choice(option, text);
  const auto message = [&](auto least, auto most) {
    return tr("{}: {} is not in the range {} to {}", "{}: {} — не в пределах от {} до {}",
              option.name, text, least, most);
  };
  if (option.range) refuse(message(option.range->least, option.range->most));
  refuse(message(std::numeric_limits<Number>::lowest(), std::numeric_limits<Number>::max()));
}

bool is_integer(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

template <typename Integer>
Integer parse_integer(const OptionValue& option, const std::string& text) {
  if (!is_integer(text)) {
    refuse(tr("{}: {} is not an integer", "{}: {} — не целое число", option.name, text));
  }
  const char* const begin = text.data() + (text[0] == '+' ? 1 : 0);
  const char* const end = text.data() + text.size();
  Integer number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end) refuse_range<Integer>(option, text);
  return number;
}

/// Parses by stream, since std::from_chars of a double needs macOS 26. A number that is too large
/// becomes the largest one.
double parse_real(const OptionValue& option, const std::string& text) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  double number = 0;
  stream >> number;
  const bool is_too_large = std::abs(number) == std::numeric_limits<double>::max();
  if (text.find_first_not_of("0123456789.eE+-") != std::string::npos ||
      (stream.fail() && !is_too_large) || !stream.eof()) {
    refuse(tr("{}: {} is not a number", "{}: {} — не число", option.name, text));
  }
  return number;
}

template <typename Number>
Number parse_number(const OptionValue& option, const std::string& text) {
  if (text.empty()) refuse(missing_value(option.name));
  if constexpr (std::is_integral_v<Number>) {
    const auto number = parse_integer<Number>(option, text);
    require_choice(option, std::to_string(number));
    const auto real = static_cast<double>(number);
    if (option.range && (real < option.range->least || real > option.range->most)) {
      refuse_range<Number>(option, text);
    }
    return number;
  } else {
    const double number = parse_real(option, text);
    const double most = std::numeric_limits<Number>::max();
    const OptionValue::Range range = option.range.value_or(OptionValue::Range{-most, most});
    if (number < range.least || number > range.most) refuse_range<Number>(option, text);
    return static_cast<Number>(number);
  }
}

void add_items(const OptionValue& option, const std::string& text,
               std::vector<std::string>& items) {
  std::size_t begin = 0;
  for (std::size_t comma = text.find(','); option.comma_separated && comma != std::string::npos;
       comma = text.find(',', begin)) {
    items.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  items.push_back(text.substr(begin));
}

template <typename T>
void assign(const OptionValue& option, const std::vector<std::string>& texts, T& target) {
  if constexpr (kIsList<T>) {
    target.clear();
    for (const std::string& text : texts) add_items(option, text, target);
    const bool is_option = option.name.starts_with('-');  // an argument may be an empty text
    for (std::string& item : target) {
      if (is_option && item.empty()) refuse(missing_value(option.name));
      item = require_choice(option, item);
    }
  } else {
    if (texts.size() > 1) {
      refuse(tr("{} is given more than once", "ключ {} указан больше одного раза", option.name));
    }
    if constexpr (kIsText<T>) {
      // Only an optional text may be given as an empty one: --prefix "".
      if (std::is_same_v<T, Held<T>> && texts.at(0).empty()) refuse(missing_value(option.name));
      target = require_choice(option, texts.at(0));
    } else {
      target = parse_number<Held<T>>(option, texts.at(0));
    }
  }
}

/// What options and arguments of these names take in every command.
constexpr std::pair<std::string_view, ValueKind> kKindsOfNames[] = {
    {"FILE", ValueKind::kFile},     {"IMAGE", ValueKind::kFile},
    {"--output", ValueKind::kFile}, {"--prompt-file", ValueKind::kFile},
    {"FOLDER", ValueKind::kFolder}, {"--out-dir", ValueKind::kFolder},
    {"--model", ValueKind::kModel}, {"--embed-model", ValueKind::kModel},
    {"MODEL", ValueKind::kModel},   {"NAME", ValueKind::kModel},
    {"SRC", ValueKind::kModel},
};

template <typename T>
ValueKind kind_of() {
  if constexpr (std::is_same_v<T, std::filesystem::path>) return ValueKind::kFolder;
  return kIsNumber<T> ? ValueKind::kNumber : ValueKind::kText;
}

template <typename T>
std::string text_of(const T& held) {
  if constexpr (kIsList<T>) {
    return fmt::format("{}", fmt::join(held, ","));
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return held.string();
  } else {
    return fmt::format("{}", held);
  }
}

}  // namespace

LocalizedText missing_value(const std::string& name) {
  return tr("{} needs a value", "у {} нет значения", name);
}

void OptionValue::set(const std::vector<std::string>& texts) const {
  std::visit([&](auto* held) { assign(*this, texts, *held); }, target);
}

ValueKind OptionValue::kind() const {
  for (const auto& [known, kind] : kKindsOfNames) {
    if (known == name) return kind;
  }
  return std::visit([](auto* held) { return kind_of<std::remove_pointer_t<decltype(held)>>(); },
                    target);
}

std::string OptionValue::text() const {
  return std::visit(
      [](auto* held) {
        if constexpr (requires { held->has_value(); }) {
          return *held ? text_of(**held) : std::string();
        } else {
          return text_of(*held);
        }
      },
      target);
}

}  // namespace oko::cli

#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/localized_text.h"

namespace oko::cli {

/// The language of the user: LC_ALL, LC_MESSAGES, LANG ("ru*" is Russian).
Language user_language();
void set_user_language(Language language);

/// `text` in the user's language, with knobs as flags.
std::string shown(const LocalizedText& text);

std::vector<std::string> shown(const std::vector<LocalizedText>& texts);

/// `tr` for text that is printed at once.
template <typename... Args>
std::string words(fmt::format_string<const detail::FormattedAs<Args>&...> english,
                  fmt::format_string<const detail::FormattedAs<Args>&...> russian,
                  const Args&... args) {
  return shown(tr(english, russian, args...));
}

}  // namespace oko::cli

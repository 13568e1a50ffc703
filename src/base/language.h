#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace oko {

/// The languages that oko speaks to its user in.
enum class Language { kEnglish, kRussian };

/// The user's language: what `set_language` chose, else from LC_ALL, LC_MESSAGES, LANG ("ru*" is
/// Russian).
Language language();
void set_language(Language language);

/// A message in the user's language: both texts stand side by side where they are used, and take
/// the same arguments (`fmt` syntax, checked at compile time; the Russian one may reorder them by
/// index).
template <typename... Args>
std::string tr(fmt::format_string<const Args&...> english,
               fmt::format_string<const Args&...> russian, const Args&... args) {
  return language() == Language::kRussian ? fmt::format(russian, args...)
                                          : fmt::format(english, args...);
}

}  // namespace oko

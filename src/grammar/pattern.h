#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace oko::grammar {

inline constexpr std::size_t kMostPatternLetters = 512;
/// Letters and classes with their repetitions, of all patterns of a schema. xgrammar's time grows
/// with their square: 1,600 take 7 seconds.
inline constexpr std::uint64_t kMostPatternSteps = 500;
inline constexpr std::uint64_t kFormatSteps =
    20;  ///< of a "format", which is a pattern of xgrammar's

/// What a string of JSON does not have as it is, so that a pattern of one never meets it.
inline bool needs_escape(char32_t c) {
  return c < 0x20 || c == '"' || c == '\\';
}

/// A regular expression of a JSON schema (ECMA-262) as xgrammar takes it, in ASCII. A string must
/// match it as a whole. Throws kUsage with `place` for one that is beyond the limits, and for what
/// would be ignored or could end the string: assertions, references, quotes, control characters.
/// Adds its steps to `steps`.
std::string checked_pattern(std::string_view pattern, const std::string& place,
                            std::uint64_t& steps);

}  // namespace oko::grammar

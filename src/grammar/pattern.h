#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace oko::grammar {

inline constexpr std::size_t kMostPatternLetters = 512;
/// Letters and classes of a pattern with their repetitions.
inline constexpr std::uint64_t kMostPatternSteps = 500;
/// To compile all patterns and formats of a grammar, as PatternAutomaton predicts it.
inline constexpr double kMostPatternSeconds = 3;

/// What the patterns of one grammar cost.
struct PatternCost {
  double seconds = 0;
  std::size_t other_states = 16;        ///< that patterns of other names may still have
  std::set<std::string> compiled = {};  ///< patterns and formats, of which xgrammar keeps parts
};

/// What a string of JSON does not have as it is, so that a pattern of one never meets it.
inline bool needs_escape(char32_t c) {
  return c < 0x20 || c == '"' || c == '\\';
}

/// A regular expression of a JSON schema (ECMA-262) as xgrammar takes it, in ASCII. A string must
/// match it as a whole. Throws kUsage with `place` for one that is beyond the limits, and for what
/// would be ignored or could end the string: assertions, references, quotes, control characters.
/// Adds what it costs to `cost`.
std::string checked_pattern(std::string_view pattern, const std::string& place, PatternCost& cost);

/// The same for a "format", which is a pattern of xgrammar's.
void add_format(const std::string& format, const std::string& place, PatternCost& cost);

/// The same for OtherNames.
void add_other_names(const std::string& pattern, std::size_t states, const std::string& place,
                     PatternCost& cost);

}  // namespace oko::grammar

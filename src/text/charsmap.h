#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace oko::text {

/// A rule of a normalizer: a text and its replacement.
struct CharsmapRule {
  std::string from;
  std::string to;
};

/// Longest grapheme cluster that is looked up as a whole, in bytes (HF `tokenizers`).
inline constexpr std::size_t kMaxClusterBytes = 5;

/// The rules of a sentencepiece "precompiled_charsmap" that can apply, sorted by `from`: keys of at
/// most kMaxClusterBytes (many are longer), none of which begins with another. Format: a
/// darts-clone double array (32-bit units) whose values point into a blob of texts that end with
/// zero. No bytes: no rules. Throws kBadModel, naming `name`, if it is damaged.
std::vector<CharsmapRule> read_charsmap(std::string_view bytes, const std::string& name);

}  // namespace oko::text

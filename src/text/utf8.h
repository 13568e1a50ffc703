#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace oko::text {

/// One step through text that may be broken UTF-8.
struct Utf8Step {
  enum class Kind {
    kValid,
    kInvalid,    ///< `length` bytes are ill-formed before any text
    kTruncated,  ///< the text ends inside a character that is well-formed so far
  };
  Kind kind = Kind::kValid;
  std::size_t length = 0;        ///< bytes, >= 1
  char32_t code_point = 0xFFFD;  ///< U+FFFD unless valid
};

/// The character at `at` < text.size(). Ill-formed bytes come in maximal subparts (Unicode 15,
/// section 3.9, as in WHATWG, Python's "replace" and Rust's from_utf8_lossy).
Utf8Step next_utf8(std::string_view text, std::size_t at);

/// The character at `at` of text that is known to be valid: no checks.
inline Utf8Step next_valid_utf8(const char* at) {
  const auto byte = [&](int i) { return static_cast<char32_t>(static_cast<unsigned char>(at[i])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {Utf8Step::Kind::kValid, 1, lead};
  if (lead < 0xE0) return {Utf8Step::Kind::kValid, 2, (lead & 0x1F) << 6 | (byte(1) & 0x3F)};
  if (lead < 0xF0) {
    return {Utf8Step::Kind::kValid, 3,
            (lead & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)};
  }
  return {Utf8Step::Kind::kValid, 4,
          (lead & 0x7) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F)};
}

void append_utf8(std::string& text, char32_t code_point);

/// `text` with every ill-formed subpart, a truncated one at the end too, replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace oko::text

#pragma once

#include <cstdint>

#include "text/code_point_table.h"

namespace oko::text {

/// Properties of code points as Hugging Face `tokenizers` 0.23 sees them: Unicode 16 in its regular
/// expressions, Unicode 9 in its NFC. Frozen here because a model's tokens must not change with
/// the Unicode version of a system library.
class UnicodeTable : public CodePointTable {
 public:
  static constexpr std::uint8_t kLetter = 1;        ///< \p{L}
  static constexpr std::uint8_t kNumber = 2;        ///< \p{N}
  static constexpr std::uint8_t kSpace = 4;         ///< \s
  static constexpr std::uint8_t kWord = 8;          ///< \w
  static constexpr std::uint8_t kNfcFollower = 16;  ///< NFC may change it, alone or after a leader
  static constexpr std::uint8_t kNfcLeader = 32;    ///< a follower may change it

  static const UnicodeTable& get();

 private:
  UnicodeTable();
};

}  // namespace oko::text

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace oko::text {

/// A token that is found in text as a whole, before BPE. Flags as in tokenizer.json.
struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool special = false;
  bool normalized = false;   ///< searched after NFC, not before
  bool single_word = false;  ///< only if no letter, mark, digit or "_" touches it
  bool strip_left = false;   ///< takes the white space before it
  bool strip_right = false;
};

/// The tables in the files of a tokenizer. Texts lie in one arena.
struct TokenizerSource {
  struct Text {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };
  struct VocabularyEntry {
    Text token;  ///< BPE: in byte-level letters, "Ġthe"
    std::int32_t id = 0;
    double score = 0;  ///< Unigram: logarithm of its probability
  };
  struct Merge {
    Text left;
    Text right;
  };

  std::string arena;
  std::vector<VocabularyEntry> vocabulary;
  bool has_scores = false;    ///< the vocabulary is Unigram's
  std::vector<Merge> merges;  ///< best first
  std::vector<AddedToken> added;

  std::string_view view(Text text) const {
    return std::string_view(arena).substr(text.offset, text.length);
  }
  Text store(std::string_view text);
};

inline constexpr std::uint64_t kMaxTokenizerBytes = 64'000'000;  ///< of one file
inline constexpr std::int32_t kMaxTokens = 1 << 20;              ///< ids, and merges

/// Reads the bytes of a tokenizer.json, checked to be Qwen's pipeline: NFC, `kQwenPattern`,
/// ByteLevel, BPE. `name` stands in messages. Throws kBadModel: not JSON, or any other pipeline.
TokenizerSource parse_tokenizer_json(std::string_view bytes, const std::string& name);

/// The bytes of the older layout's files; `config` may be empty.
struct LegacyTokenizerFiles {
  std::string_view vocabulary;  ///< vocab.json
  std::string_view merges;      ///< merges.txt
  std::string_view config;      ///< tokenizer_config.json: added_tokens_decoder
};

/// Reads the older layout, which does not say its pipeline: it is taken for Qwen's unless the
/// config names another class. Throws as `parse_tokenizer_json`.
TokenizerSource parse_legacy_tokenizer(const LegacyTokenizerFiles& files);

}  // namespace oko::text

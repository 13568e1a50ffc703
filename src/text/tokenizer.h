#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "text/tokenizer_table.h"

namespace oko::text {

struct TokenizerOptions {
  /// Folder that keeps the table of a tokenizer for the next start; empty: none.
  std::filesystem::path cache_dir = oko_home() / "cache" / "tokenizers";
};

/// Qwen's byte-level BPE tokenizer: token for token equal to Hugging Face `tokenizers` with the
/// same files. Immutable: any number of threads may use one.
class Tokenizer {
 public:
  /// Reads tokenizer.json of a model's folder, or vocab.json and merges.txt with the added tokens
  /// of tokenizer_config.json. The first call takes a fraction of a second and writes the cache;
  /// later calls map it. Throws kBadModel: files missing, damaged, or not Qwen's kind of pipeline.
  static Tokenizer load(const std::filesystem::path& model_dir,
                        const TokenizerOptions& options = {});

  /// From the bytes of a tokenizer.json, without files. `name` stands in messages.
  static Tokenizer parse(std::string_view tokenizer_json, const std::string& name);

  /// Tokens of a user's text: special tokens spelled out in it stay plain text. Ill-formed UTF-8
  /// becomes U+FFFD.
  std::vector<std::int32_t> encode(std::string_view text) const;

  /// Tokens of trusted text, in which added tokens are recognised.
  std::vector<std::int32_t> encode_with_special(std::string_view text) const {
    return encode_with_added(text, /*with_special=*/true);
  }

  /// Tokens of a model's own text: added tokens that are not special ("<think>",
  /// "<tool_call>") are recognised; special ones stay plain text.
  std::vector<std::int32_t> encode_markup(std::string_view text) const {
    return encode_with_added(text, /*with_special=*/false);
  }

  /// The text of tokens, ill-formed UTF-8 as U+FFFD. Skips ids outside the vocabulary, and special
  /// tokens too if `skip_special`.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special) const;

  /// The bytes of a token, not always whole characters; empty for ids outside the vocabulary.
  std::string_view token_bytes(std::int32_t id) const;

  /// The id of an added token ("<|im_start|>"), or nothing if there is none with this content.
  std::optional<std::int32_t> special_token(std::string_view content) const;

  /// True if `id` is an added token marked special: never part of an answer's text.
  bool is_special(std::int32_t id) const;

  /// One more than the greatest id.
  std::int32_t vocab_size() const { return static_cast<std::int32_t>(table_.vocabulary_size()); }

 private:
  explicit Tokenizer(TokenizerTable table) : table_(std::move(table)) {}

  std::vector<std::int32_t> encode_with_added(std::string_view text, bool with_special) const;
  void append_plain(std::string_view text, std::vector<std::int32_t>& ids) const;
  bool is_known(std::int32_t id) const { return id >= 0 && id < vocab_size(); }

  TokenizerTable table_;
};

}  // namespace oko::text

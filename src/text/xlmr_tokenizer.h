#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/unigram_table.h"

namespace oko::text {

/// A text as input of an encoder.
struct TokenizedText {
  std::vector<std::int32_t> ids;  ///< with <s> in front and </s> behind
  std::size_t total = 0;          ///< ids of the whole text: more than `ids` if it was cut
};

/// XLM-RoBERTa's tokenizer (BGE-M3, multilingual-e5): token for token equal to Hugging Face
/// `tokenizers` for text without special tokens. Immutable: any number of threads may use one.
class XlmrTokenizer {
 public:
  /// Reads tokenizer.json of a model's folder, else sentencepiece.bpe.model. The first call takes a
  /// fraction of a second and writes the cache; later calls map it. Throws kBadModel: files
  /// missing, damaged, or another kind of pipeline.
  static XlmrTokenizer load(const std::filesystem::path& model_dir,
                            const TokenizerOptions& options = {});

  /// From the bytes of a tokenizer.json, without files. `name` stands in messages.
  static XlmrTokenizer parse(std::string_view tokenizer_json, const std::string& name);

  /// At most `max_tokens` >= 2 ids, the special ones included. Special tokens spelled out in the
  /// text stay plain text. Ill-formed UTF-8 becomes U+FFFD. Memory, except the result, does not
  /// grow with the text.
  TokenizedText encode(std::string_view text, std::size_t max_tokens) const;

  /// The text of a token, U+2581 for a space; empty for ids outside the vocabulary.
  std::string_view token(std::int32_t id) const;

  std::int32_t vocab_size() const {
    return static_cast<std::int32_t>(table_.header().vocabulary_size);
  }

 private:
  explicit XlmrTokenizer(UnigramTable table) : table_(std::move(table)) {}

  UnigramTable table_;
};

}  // namespace oko::text

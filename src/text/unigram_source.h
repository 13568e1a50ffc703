#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/tokenizer_source.h"

namespace oko::text {

/// The content of the files of a Unigram tokenizer, checked to be of XLM-RoBERTa's kind: a
/// Precompiled normalizer, Metaspace, a Unigram model.
struct UnigramSource {
  TokenizerSource tables;            ///< pieces with scores, by their ids; added tokens
  std::string precompiled_charsmap;  ///< sentencepiece's: a trie and a blob of texts
  /// True: white space of every kind ends a word (BGE-M3's tokenizer.json). False: runs of U+0020
  /// count as one, which stays in the text (multilingual-e5's).
  bool splits_at_white_space = true;
  std::int32_t unk_id = 0;
  std::int32_t bos_id = 0;  ///< before a text
  std::int32_t eos_id = 0;  ///< behind it
};

/// Reads the bytes of a tokenizer.json. `name` stands in messages. Throws kBadModel: not JSON, or
/// any other pipeline.
UnigramSource parse_unigram_json(std::string_view bytes, const std::string& name);

/// Reads the bytes of a sentencepiece.bpe.model as XLM-RoBERTa uses it: ids moved by one behind
/// <s>, <pad>, </s> and <unk>, <mask> last. Throws kBadModel: damaged, or not of that kind.
UnigramSource parse_sentencepiece(std::string_view bytes, const std::string& name);

}  // namespace oko::text

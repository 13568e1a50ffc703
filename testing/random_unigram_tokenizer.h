#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

namespace oko::testing {

/// tokenizer.json of a made-up Unigram tokenizer with BGE-M3's pipeline and no rules of
/// normalization: <s>, <pad>, </s>, <unk>, the letters of English and Russian, digits, punctuation,
/// then words of one syllable, of two and so on, up to <mask>, the last of `vocab_size` tokens.
nlohmann::ordered_json random_unigram_tokenizer(std::int64_t vocab_size);

}  // namespace oko::testing

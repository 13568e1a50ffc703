#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

namespace oko::testing {

/// Qwen3's added tokens, in the order of their ids.
std::span<const std::string_view> special_tokens();

/// Id of an added token; the first of them has the id `first_special`.
std::int64_t special_token_id(std::int64_t first_special, std::string_view token);

/// tokenizer.json of a made-up byte-level BPE with Qwen's pipeline: 256 bytes, then one token a
/// merge (syllables, frequent English and Russian pairs, words of syllables) up to the special
/// tokens, so that any token decodes to something readable.
nlohmann::ordered_json random_qwen_tokenizer(std::int64_t first_special);
nlohmann::ordered_json random_qwen_tokenizer_config(std::int64_t first_special,
                                                    std::int64_t model_max_length);

}  // namespace oko::testing

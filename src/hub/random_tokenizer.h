#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

namespace oko::hub {

struct RandomShape;

/// Qwen3's added tokens, in the order of their ids.
std::span<const std::string_view> special_tokens();

/// Id of an added token in the tokenizer of `shape`.
std::int64_t special_token_id(const RandomShape& shape, std::string_view token);

/// tokenizer.json of a made-up byte-level BPE with Qwen's pipeline: 256 bytes, then one token a
/// merge (syllables, frequent English and Russian pairs, words of syllables) up to the special
/// tokens, so that any token decodes to something readable.
nlohmann::ordered_json random_tokenizer(const RandomShape& shape);
nlohmann::ordered_json random_tokenizer_config(const RandomShape& shape);

}  // namespace oko::hub

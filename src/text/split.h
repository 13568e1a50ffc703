#pragma once

#include <cstddef>
#include <string_view>

namespace oko::text {

/// The regular expression that splits text before BPE in Qwen2, Qwen2.5, Qwen3 and Qwen3-VL.
inline constexpr std::string_view kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// End of the match of `kQwenPattern` that begins at `at` < text.size() of valid UTF-8. The pattern
/// matches at every position, so that consecutive matches cover the text.
std::size_t piece_end(std::string_view text, std::size_t at);

}  // namespace oko::text

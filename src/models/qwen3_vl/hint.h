#pragma once

#include <string>

namespace oko::models::qwen3_vl {

/// The kinds of vision-language models that oko runs, as the hint of an error.
std::string hint_for_vision_language();

}  // namespace oko::models::qwen3_vl

#pragma once

#include <string>

#include "base/localized_text.h"

namespace oko::models::qwen3_vl {

/// The kinds of vision-language models that oko runs, as the hint of an error.
LocalizedText hint_for_vision_language();

}  // namespace oko::models::qwen3_vl

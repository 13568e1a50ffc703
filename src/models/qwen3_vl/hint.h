#pragma once

#include "base/localized_text.h"

namespace oko::models::qwen3_vl {

/// The kinds of vision-language models that oko runs, as the hint of an error.
inline LocalizedText hint_for_vision_language() {
  return tr("oko runs dense Qwen3-VL models; docs/INPUTS.md says which settings",
            "oko работает с плотными моделями Qwen3-VL; какие настройки — в docs/INPUTS.md");
}

}  // namespace oko::models::qwen3_vl

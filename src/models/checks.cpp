#include "models/checks.h"

#include <algorithm>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::models {

void require_vocabulary(std::span<const std::int32_t> ids, int vocab_size) {
  const auto unknown = std::find_if(ids.begin(), ids.end(),
                                    [&](std::int32_t id) { return id < 0 || id >= vocab_size; });
  if (unknown == ids.end()) return;
  throw Error(
      ErrorCode::kBadModel,
      tr("token id {} is outside the model's vocabulary of {}",
         "токен {} вне словаря модели из {:токена|токенов|токенов}", *unknown, Count(vocab_size)),
      tr("tokenizer.json and config.json belong to different models",
         "tokenizer.json и config.json — от разных моделей"));
}

}  // namespace oko::models

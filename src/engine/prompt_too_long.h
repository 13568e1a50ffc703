#pragma once

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::engine {

/// The prompt does not fit the model's context: kTooLarge. A type of its own, as clients of a
/// server make their conversation shorter if they are told so.
class PromptTooLong : public Error {
 public:
  PromptTooLong(int tokens, int context)
      : Error(ErrorCode::kTooLarge,
              tr("the prompt is too long: {} tokens; the context limit is {}, the answer included",
                 "запрос слишком длинный: {:токен|токена|токенов}; предел контекста — {} вместе с "
                 "ответом",
                 Count(tokens), context),
              tr("ask with a shorter text, or about fewer or smaller pictures",
                 "сократите запрос, спросите о меньшем числе картинок или о меньших")) {}
};

}  // namespace oko::engine

#include "engine/answer_forms.h"

#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "engine/tool_form.h"

namespace oko::engine {

const grammar::Vocabulary& AnswerForms::vocabulary() {
  const MutexLock lock(mutex_);
  if (vocabulary_ == nullptr) {
    const auto tokens = static_cast<std::size_t>(tokenizer_.vocab_size());
    reservation_.emplace(host_, grammar::Vocabulary::bytes(tokens),
                         tr("raise {}", "увеличьте {}", Knob{"budget"}));
    vocabulary_ = std::make_unique<const grammar::Vocabulary>(tokenizer_, end_tokens_);
  }
  return *vocabulary_;
}

std::shared_ptr<const AnswerForm> AnswerForms::json(std::string_view schema,
                                                    const std::string& name) {
  return std::make_shared<const GrammarForm>(vocabulary().json(schema, name));
}

std::optional<CallTokens> AnswerForms::call_tokens() const {
  const auto begin = tokenizer_.special_token("<tool_call>");
  const auto end = tokenizer_.special_token("</tool_call>");
  if (!begin || !end) return std::nullopt;
  return CallTokens{*begin, *end};
}

std::shared_ptr<const AnswerForm> AnswerForms::calls(
    const std::vector<grammar::Function>& functions, bool must_call, bool may_repeat) {
  const std::optional<CallTokens> tokens = call_tokens();
  if (!tokens) {
    throw Error(ErrorCode::kUsage,
                tr("this model does not call functions", "эта модель не вызывает функций"));
  }
  const std::vector<std::int32_t> line_feed = tokenizer_.encode("\n");
  return std::make_shared<const ToolForm>(ToolForm::Options{
      .calls = vocabulary().calls(functions, tokens->end),
      .tokens = *tokens,
      .end_tokens = {end_tokens_.begin(), end_tokens_.end()},
      .line_feed = line_feed.size() == 1 ? std::optional(line_feed.front()) : std::nullopt,
      .must_call = must_call,
      .may_repeat = may_repeat});
}

}  // namespace oko::engine

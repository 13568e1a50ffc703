#include "engine/answer_forms.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "engine/thinking_form.h"
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
  return after_thoughts(std::make_shared<const GrammarForm>(vocabulary().json(schema, name)));
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
  return after_thoughts(std::make_shared<const ToolForm>(ToolForm::Options{
      .calls = vocabulary().calls(functions, tokens->end),
      .tokens = *tokens,
      .end_tokens = {end_tokens_.begin(), end_tokens_.end()},
      .line_feed = line_feed.size() == 1 ? std::optional(line_feed.front()) : std::nullopt,
      .must_call = must_call,
      .may_repeat = may_repeat}));
}

std::shared_ptr<const AnswerForm> AnswerForms::after_thoughts(
    std::shared_ptr<const AnswerForm> answer) const {
  if (!thoughts_) return answer;
  std::vector<std::int32_t> excluded(end_tokens_.begin(), end_tokens_.end());
  if (const auto call = call_tokens()) excluded.insert(excluded.end(), {call->begin, call->end});
  return std::make_shared<const ThinkingForm>(
      ThinkingForm::Options{.answer = std::move(answer),
                            .tokens = *thoughts_,
                            .excluded = std::move(excluded),
                            .gap = tokenizer_.encode("\n\n")});
}

}  // namespace oko::engine

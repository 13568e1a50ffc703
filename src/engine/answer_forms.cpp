#include "engine/answer_forms.h"

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "engine/thinking_form.h"
#include "engine/tool_form.h"

namespace oko::engine {
namespace {

/// No JSON schema begins like this.
std::string key_of(const std::vector<grammar::Function>& functions) {
  std::string key = "calls";
  for (const grammar::Function& function : functions) {
    for (const std::string& part : {function.name, function.arguments}) (key += part) += '\0';
    key += function.is_strict ? '!' : '?';
  }
  return key;
}

}  // namespace

const grammar::Vocabulary& AnswerForms::vocabulary(const StopToken& stop) {
  const MutexLock lock(mutex_);
  if (vocabulary_ == nullptr) {
    const auto tokens = static_cast<std::size_t>(tokenizer_.vocab_size());
    reservation_.emplace(host_, grammar::Vocabulary::bytes(tokens),
                         tr("raise {}", "увеличьте {}", Knob{"budget"}), stop);
    vocabulary_ = std::make_unique<const grammar::Vocabulary>(tokenizer_, end_tokens_);
  }
  return *vocabulary_;
}

std::shared_ptr<const AnswerForm> AnswerForms::json(std::string_view schema,
                                                    const std::string& name,
                                                    const StopToken& stop) {
  return after_thoughts(std::make_shared<const GrammarForm>(json_grammar(schema, name, stop)));
}

std::shared_ptr<const grammar::Grammar> AnswerForms::json_grammar(std::string_view schema,
                                                                  const std::string& name,
                                                                  const StopToken& stop) {
  const grammar::Vocabulary& tokens = vocabulary(stop);
  return grammars_.get(
      std::string(schema), [&] { return tokens.json(schema, name); }, stop);
}

std::optional<CallTokens> AnswerForms::call_tokens() const {
  const auto begin = tokenizer_.special_token("<tool_call>");
  const auto end = tokenizer_.special_token("</tool_call>");
  if (!begin || !end) return std::nullopt;
  return CallTokens{*begin, *end};
}

std::shared_ptr<const AnswerForm> AnswerForms::calls(const Calls& calls, const StopToken& stop) {
  const std::optional<CallTokens> tokens = call_tokens();
  if (!tokens) {
    throw Error(ErrorCode::kUsage,
                tr("this model does not call functions", "эта модель не вызывает функций"));
  }
  const grammar::Vocabulary& vocabulary = this->vocabulary(stop);
  const std::vector<std::int32_t> line_feed = tokenizer_.encode("\n");
  return after_thoughts(std::make_shared<const ToolForm>(ToolForm::Options{
      .calls = grammars_.get(
          key_of(calls.functions), [&] { return vocabulary.calls(calls.functions, tokens->end); },
          stop),
      .text = calls.text,
      .tokens = *tokens,
      .end_tokens = {end_tokens_.begin(), end_tokens_.end()},
      .line_feed = line_feed.size() == 1 ? std::optional(line_feed.front()) : std::nullopt,
      .must_call = calls.must_call,
      .may_repeat = calls.may_repeat}));
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

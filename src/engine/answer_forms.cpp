#include "engine/answer_forms.h"

#include "base/localized_text.h"

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

}  // namespace oko::engine

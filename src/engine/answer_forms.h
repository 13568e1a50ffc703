#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "engine/answer_form.h"
#include "engine/grammar_cache.h"
#include "engine/model_host.h"
#include "grammar/grammar.h"
#include "text/tokenizer.h"

namespace oko::engine {

/// Makes the forms of answers of one model, which must not outlive this. The first form sorts the
/// model's tokens and keeps them, in memory that it reserves; each form reserves its own. Any
/// thread may call.
class AnswerForms {
 public:
  /// `thoughts`: of a model that thinks; its forms let it think first. All must outlive this.
  AnswerForms(const text::Tokenizer& tokenizer, std::span<const std::int32_t> end_tokens,
              std::optional<ThoughtTokens> thoughts, ModelHost& host)
      : tokenizer_(tokenizer),
        end_tokens_(end_tokens),
        thoughts_(thoughts),
        host_(host),
        grammars_(host.memory_budget()) {}

  /// JSON that is valid against `schema` (grammar::checked_schema). Throws kUsage, with `name` for
  /// the schema; kOverBudget; kCancelled.
  std::shared_ptr<const AnswerForm> json(std::string_view schema, const std::string& name,
                                         const StopToken& stop = {});

  /// The grammar of `json`.
  std::shared_ptr<const grammar::Grammar> json_grammar(std::string_view schema,
                                                       const std::string& name,
                                                       const StopToken& stop = {});

  struct Calls {
    std::vector<grammar::Function> functions;           ///< each by the schema of its arguments
    std::shared_ptr<const grammar::Grammar> text = {};  ///< of an answer without calls; null: any
    bool must_call = false;                             ///< at least one of them
    bool may_repeat = true;                             ///< several calls
  };
  /// Text with calls of functions; if the text has a grammar, one or the other. Throws kUsage, for
  /// a schema or if the model does not call functions; kOverBudget; kCancelled.
  std::shared_ptr<const AnswerForm> calls(const Calls& calls, const StopToken& stop = {});
  /// Nothing: the model does not call functions.
  std::optional<CallTokens> call_tokens() const;

 private:
  const grammar::Vocabulary& vocabulary(const StopToken& stop);
  std::shared_ptr<const AnswerForm> after_thoughts(std::shared_ptr<const AnswerForm> answer) const;

  const text::Tokenizer& tokenizer_;
  std::span<const std::int32_t> end_tokens_;
  std::optional<ThoughtTokens> thoughts_;
  ModelHost& host_;
  Mutex mutex_;  ///< held while the vocabulary is made
  std::optional<FixedReservation> reservation_ OKO_GUARDED_BY(mutex_);
  std::unique_ptr<const grammar::Vocabulary> vocabulary_ OKO_GUARDED_BY(mutex_);
  GrammarCache grammars_;
};

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "engine/logits_processor.h"
#include "grammar/grammar.h"

namespace oko::engine {

/// The tokens around the call of a function: <tool_call>, </tool_call>.
struct CallTokens {
  std::int32_t begin = 0, end = 0;
};

/// The tokens around the thoughts of a model: <think>, </think>.
struct ThoughtTokens {
  std::int32_t begin = 0, end = 0;
  bool are_open = false;  ///< the prompt ends with <think>
};

/// The form that an answer must have. Immutable: several answers may share one.
class AnswerForm {
 public:
  virtual ~AnswerForm() = default;

  /// What keeps one answer to the form. It comes last in the chain.
  virtual std::unique_ptr<LogitsProcessor> begin() const = 0;

  /// Nothing: the answer is all text.
  virtual std::optional<CallTokens> call_tokens() const { return std::nullopt; }

  /// True if the answer's text, apart from calls, has no grammar, which would end it.
  virtual bool has_free_text() const { return false; }
};

/// The whole answer matches a grammar.
class GrammarForm : public AnswerForm {
 public:
  explicit GrammarForm(std::shared_ptr<const grammar::Grammar> grammar)
      : grammar_(std::move(grammar)) {}

  std::unique_ptr<LogitsProcessor> begin() const override {
    return std::make_unique<Mask>(grammar_);
  }

 private:
  class Mask : public LogitsProcessor {
   public:
    explicit Mask(std::shared_ptr<const grammar::Grammar> grammar) : matcher_(std::move(grammar)) {}
    void apply(std::span<float> logits) override { matcher_.mask(logits); }
    void observe(std::int32_t id) override { matcher_.accept(id); }

   private:
    grammar::Matcher matcher_;
  };

  std::shared_ptr<const grammar::Grammar> grammar_;
};

}  // namespace oko::engine

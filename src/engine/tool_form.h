#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/answer_form.h"
#include "grammar/grammar.h"

namespace oko::engine {

/// Text, then calls of functions between the model's tokens for them; if the text has a grammar,
/// only one of them:
///
///     text -- <tool_call> --> call -- </tool_call> --> after -- line feed --> again
///                              ^------------------------ <tool_call> ----------'
///
/// Only the tokens themselves begin a call: the same letters are text.
class ToolForm : public AnswerForm {
 public:
  struct Options {
    std::shared_ptr<const grammar::Grammar> calls;      ///< what is between the tokens
    std::shared_ptr<const grammar::Grammar> text = {};  ///< of an answer without calls; null: any
    CallTokens tokens;
    std::vector<std::int32_t> end_tokens;        ///< of an answer
    std::optional<std::int32_t> line_feed = {};  ///< between calls
    bool must_call = false;
    bool may_repeat = true;
  };
  explicit ToolForm(Options options);

  std::unique_ptr<LogitsProcessor> begin() const override;
  std::optional<CallTokens> call_tokens() const override;
  bool has_free_text() const override { return options_->text == nullptr; }

 private:
  std::shared_ptr<const Options> options_;
};

}  // namespace oko::engine

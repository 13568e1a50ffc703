#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/answer_form.h"

namespace oko::engine {

/// Thoughts of any form, then an answer of another one:
///
///     first -- <think> --> thoughts -- </think> --> gap -- its last token --> answer
///       '------------------- any other token -----------------------------------^
///
/// `first` is left out if the prompt opens the thoughts. Thoughts that loop end with </think>. No
/// token of `excluded` is in them, so that neither the answer nor a call of a function can end or
/// begin there.
class ThinkingForm : public AnswerForm {
 public:
  struct Options {
    std::shared_ptr<const AnswerForm> answer;
    ThoughtTokens tokens;
    std::vector<std::int32_t> excluded;
    std::vector<std::int32_t> gap;  ///< the empty line that the template has behind </think>
  };
  explicit ThinkingForm(Options options)
      : options_(std::make_shared<const Options>(std::move(options))) {}

  std::unique_ptr<LogitsProcessor> begin() const override;
  std::optional<CallTokens> call_tokens() const override { return options_->answer->call_tokens(); }
  bool has_free_text() const override { return options_->answer->has_free_text(); }

 private:
  std::shared_ptr<const Options> options_;
};

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace oko::engine {

/// Predicts the next tokens of a text: finds its last few tokens earlier in the text and copies the
/// tokens after them ("prompt lookup decoding", Saxena 2023). Costs a search; a wrong guess costs
/// the model a wider pass.
class PromptLookup {
 public:
  static constexpr std::size_t kMaxDraft = 7;  ///< with the token before them, 8 rows a pass

  explicit PromptLookup(std::span<const std::int32_t> prompt)
      : ids_(prompt.begin(), prompt.end()) {}

  void push(std::int32_t id) { ids_.push_back(id); }

  /// The predicted tokens, at most kMaxDraft; empty if there is no match.
  std::vector<std::int32_t> draft() const;

  /// Updates the length of drafts: longer after right guesses, shorter after wrong ones. `right`:
  /// the number of right tokens in the last draft.
  void update_acceptance(std::size_t drafted, std::size_t right);

 private:
  std::vector<std::int32_t> ids_;
  std::size_t limit_ = 3;  ///< of a draft
};

}  // namespace oko::engine

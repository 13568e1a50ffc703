#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace oko::engine {

/// Guesses what a text goes on with from the text itself: where its last few tokens stood before,
/// what followed them then ("prompt lookup decoding", Saxena 2023). Costs nothing but a look; a
/// wrong guess costs the model a wider pass.
class PromptLookup {
 public:
  static constexpr std::size_t kMaxDraft = 7;  ///< with the token before them, 8 rows a pass

  explicit PromptLookup(std::span<const std::int32_t> prompt)
      : ids_(prompt.begin(), prompt.end()) {}

  void push(std::int32_t id) { ids_.push_back(id); }

  /// The tokens that may follow, up to kMaxDraft; empty if the text gives no hint.
  std::vector<std::int32_t> draft() const;

  /// Tells how many of the last draft's tokens were right. Drafts grow while they are, and shrink
  /// when not.
  void update_acceptance(std::size_t drafted, std::size_t right);

 private:
  std::vector<std::int32_t> ids_;
  std::size_t limit_ = 3;  ///< of a draft
};

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace oko::engine {

/// Changes the logits of one sequence before its next token is chosen: penalties, biases, the mask
/// of a grammar.
class LogitsProcessor {
 public:
  virtual ~LogitsProcessor() = default;

  /// Changes the logits of the next token in place. -infinity excludes a token; one must be left.
  virtual void apply(std::span<float> logits) = 0;

  /// `id` was chosen from the logits of the last `apply`.
  virtual void observe(std::int32_t id) = 0;
};

/// A chain: each one gets the logits that the one before has changed.
using LogitsProcessors = std::vector<std::unique_ptr<LogitsProcessor>>;

/// Makes the tokens of the prompt and of the answer less likely: divides their positive logits by
/// `penalty`, multiplies their negative ones. As in transformers.
class RepetitionPenalty : public LogitsProcessor {
 public:
  /// `penalty` > 0.
  RepetitionPenalty(float penalty, std::span<const std::int32_t> prompt)
      : penalty_(penalty), seen_(prompt.begin(), prompt.end()) {}

  void apply(std::span<float> logits) override;
  void observe(std::int32_t id) override { seen_.insert(id); }

 private:
  float penalty_;
  std::unordered_set<std::int32_t> seen_;
};

/// Subtracts `penalty` from the logits of the answer's tokens.
class PresencePenalty : public LogitsProcessor {
 public:
  explicit PresencePenalty(float penalty) : penalty_(penalty) {}

  void apply(std::span<float> logits) override;
  void observe(std::int32_t id) override { generated_.insert(id); }

 private:
  float penalty_;
  std::unordered_set<std::int32_t> generated_;
};

/// Subtracts `penalty` from the logits of the answer's tokens, as often as they are in it.
class FrequencyPenalty : public LogitsProcessor {
 public:
  explicit FrequencyPenalty(float penalty) : penalty_(penalty) {}

  void apply(std::span<float> logits) override;
  void observe(std::int32_t id) override { ++counts_[id]; }

 private:
  float penalty_;
  std::unordered_map<std::int32_t, int> counts_;
};

struct TokenBias {
  std::int32_t id = 0;
  float value = 0;  ///< added to the logit, -100..100
};

/// Makes chosen tokens more or less likely.
class LogitBias : public LogitsProcessor {
 public:
  explicit LogitBias(std::vector<TokenBias> biases) : biases_(std::move(biases)) {}

  void apply(std::span<float> logits) override;
  void observe(std::int32_t /*id*/) override {}

 private:
  std::vector<TokenBias> biases_;
};

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "engine/logits_processor.h"

namespace oko::engine {

/// The choice of the next token. Applied in this order, as in transformers.
struct SamplingOptions {
  /// > 0; divides positive logits of seen tokens, multiplies negative ones.
  float repetition_penalty = 1.0f;
  float presence_penalty = 0.0f;   ///< subtracted from the logits of generated tokens
  float frequency_penalty = 0.0f;  ///< subtracted as often as a token was generated
  std::vector<TokenBias> logit_bias = {};
  float temperature = 0.0f;  ///< 0: the most likely token (greedy); later fields are not used
  int top_k = 0;             ///< keep the k most likely tokens, ties included; 0: all
  float top_p = 1.0f;  ///< keep the fewest most likely tokens that reach this probability, 0..1
  float min_p = 0.0f;  ///< drop tokens with less than this fraction of the best probability, 0..1
  std::uint64_t seed = 0;  ///< the same seed and logits give the same tokens
  /// How many of the most likely tokens are reported with each token of the answer, 0..20; -1: the
  /// probability of the token itself is not, either.
  int top_logprobs = -1;
};

struct TokenProbability {
  std::int32_t id = 0;
  float logprob = 0;  ///< natural logarithm; kLeastLogprob and above
};

/// A token and its probability, as the model gives it before penalties, biases and temperature.
struct TokenReport {
  TokenProbability chosen;
  std::vector<TokenProbability> top;  ///< the most likely first
};

inline constexpr float kLeastLogprob = -9999.0f;  ///< of the impossible; OpenAI's number

/// Throws kUsage for values out of range.
void validate(const SamplingOptions& options);

/// Chooses the tokens of one sequence. A chain of processors changes the logits first.
class Sampler {
 public:
  /// `prompt`: tokens that the repetition penalty counts as seen. The chain: the penalties of
  /// `options` that are set, in the order of the options, then `processors`.
  Sampler(const SamplingOptions& options, std::span<const std::int32_t> prompt,
          LogitsProcessors processors = {});

  /// The next token; the processors observe it. `logits` is scratch afterwards. Throws kBadModel if
  /// the largest one is not finite.
  std::int32_t sample(std::span<float> logits);

  /// The last token, if the options ask for reports.
  const TokenReport& report() const { return report_; }

 private:
  struct Candidate {
    float weight;  ///< probability divided by that of the most likely token
    std::int32_t id;
  };

  /// The kept tokens of `weights`, which sum to `total`, the most likely first; never empty.
  std::vector<Candidate> candidates(std::span<const float> weights, double total) const;
  std::int32_t draw(const std::vector<Candidate>& candidates);
  std::int32_t draw_unordered(std::span<const float> weights);
  std::int32_t choose(std::span<float> logits);
  void make_report(std::span<const float> weights, double total, std::int32_t id);
  double fraction();  ///< random, 0 <= fraction < 1

  SamplingOptions options_;
  LogitsProcessors processors_;
  std::mt19937_64 random_;
  std::vector<float> unchanged_;  ///< logits, then weights, for `report_`
  TokenReport report_;
};

}  // namespace oko::engine

#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/cpu/softmax.h"
#include "tensor/cpu/top_k.h"
#include "tensor/finite.h"

namespace oko::engine {
namespace {

void require(bool right, const char* name, float value, const char* range) {
  if (right) return;
  throw Error(ErrorCode::kUsage,
              tr("{} is {}, expected {}", "{} — {}, ожидается {}", name, value, range));
}

/// Adds the tokens that are as likely as the last of `ranked`: transformers' top_k keeps them, too.
void add_ties(std::span<const float> weights, std::vector<std::uint32_t>& ranked) {
  const std::uint32_t last = ranked.back();
  if (weights[last] == 0) return;  // dropped in any case
  for (std::size_t id = std::size_t{last} + 1; id < weights.size(); ++id) {
    if (weights[id] == weights[last]) ranked.push_back(static_cast<std::uint32_t>(id));
  }
}

}  // namespace

void validate(const SamplingOptions& options) {
  require(options.temperature >= 0 && options.temperature <= 100, "temperature",
          options.temperature, "0..100");
  require(options.top_k >= 0, "top_k", static_cast<float>(options.top_k), ">= 0");
  require(options.top_p > 0 && options.top_p <= 1, "top_p", options.top_p, "> 0, <= 1");
  require(options.min_p >= 0 && options.min_p <= 1, "min_p", options.min_p, "0..1");
  require(options.repetition_penalty > 0 && options.repetition_penalty <= 100, "repetition_penalty",
          options.repetition_penalty, "> 0, <= 100");
  require(std::abs(options.presence_penalty) <= 100, "presence_penalty", options.presence_penalty,
          "-100..100");
  require(std::abs(options.frequency_penalty) <= 100, "frequency_penalty",
          options.frequency_penalty, "-100..100");
  require(options.top_logprobs <= 20, "top_logprobs", static_cast<float>(options.top_logprobs),
          "<= 20");
  for (const TokenBias& bias : options.logit_bias) {
    require(std::abs(bias.value) <= 100, "logit_bias", bias.value, "-100..100");
  }
}

Sampler::Sampler(const SamplingOptions& options, std::span<const std::int32_t> prompt,
                 LogitsProcessors processors)
    : options_(options), random_(options.seed) {
  if (options.repetition_penalty != 1.0f) {
    processors_.push_back(std::make_unique<RepetitionPenalty>(options.repetition_penalty, prompt));
  }
  if (options.presence_penalty != 0.0f) {
    processors_.push_back(std::make_unique<PresencePenalty>(options.presence_penalty));
  }
  if (options.frequency_penalty != 0.0f) {
    processors_.push_back(std::make_unique<FrequencyPenalty>(options.frequency_penalty));
  }
  if (!options.logit_bias.empty()) {
    processors_.push_back(std::make_unique<LogitBias>(options.logit_bias));
  }
  std::ranges::move(processors, std::back_inserter(processors_));
}

std::int32_t Sampler::sample(std::span<float> logits) {
  const bool reports = options_.top_logprobs >= 0;
  if (reports) unchanged_.assign(logits.begin(), logits.end());
  for (const auto& processor : processors_) processor->apply(logits);
  const std::int32_t id = choose(logits);
  if (reports) {
    const auto best = tensor::cpu::largest_of(unchanged_.data(), unchanged_.size());
    const double total =
        tensor::cpu::softmax_weights(unchanged_.data(), unchanged_.size(), best.value, 1.0f);
    make_report(unchanged_, total, id);
  }
  for (const auto& processor : processors_) processor->observe(id);
  return id;
}

void Sampler::make_report(std::span<const float> weights, double total, std::int32_t id) {
  const auto probability_of = [&](std::size_t token) -> TokenProbability {
    const double weight = weights[token];
    const auto logprob = static_cast<float>(std::log(weight / total));
    return {static_cast<std::int32_t>(token), weight > 0 ? logprob : kLeastLogprob};
  };
  report_ = {probability_of(static_cast<std::size_t>(id)), {}};
  if (options_.top_logprobs == 0) return;
  const std::size_t count =
      std::min(static_cast<std::size_t>(options_.top_logprobs), weights.size());
  for (const auto token : tensor::cpu::largest_k(weights.data(), weights.size(), count)) {
    report_.top.push_back(probability_of(token));
  }
}

std::int32_t Sampler::choose(std::span<float> logits) {
  const auto best = tensor::cpu::largest_of(logits.data(), logits.size());
  tensor::require_finite(best.has_nan ? std::numeric_limits<float>::quiet_NaN() : best.value);
  auto id = static_cast<std::int32_t>(best.index);
  if (options_.temperature > 0) {
    const double total = tensor::cpu::softmax_weights(logits.data(), logits.size(), best.value,
                                                      options_.temperature);
    const bool is_ordered = options_.top_k > 0 || options_.top_p < 1;
    id = is_ordered ? draw(candidates(logits, total)) : draw_unordered(logits);
  }
  return id;
}

std::vector<Sampler::Candidate> Sampler::candidates(std::span<const float> weights,
                                                    double total) const {
  const auto keeps = [&](float weight) { return weight > 0 && weight >= options_.min_p; };
  std::vector<Candidate> kept;
  // top_p mostly needs a few tokens of the vocabulary: rank more only on demand.
  constexpr std::size_t kFirst = 256;
  const std::size_t limit =
      options_.top_k > 0 ? std::min<std::size_t>(options_.top_k, weights.size()) : weights.size();
  for (std::size_t k = options_.top_k > 0 ? limit : std::min(kFirst, limit);;
       k = k < limit / 16 ? 8 * k : limit) {
    auto ranked = tensor::cpu::largest_k(weights.data(), weights.size(), k);
    if (options_.top_k > 0) {
      add_ties(weights, ranked);
      total = 0;
      for (const std::uint32_t id : ranked) total += weights[id];
    }
    kept.clear();
    double reached = 0;
    for (const std::uint32_t id : ranked) {
      if (reached >= options_.top_p * total || !keeps(weights[id])) return kept;
      reached += weights[id];
      kept.push_back({weights[id], static_cast<std::int32_t>(id)});
    }
    if (k == limit) return kept;
  }
}

double Sampler::fraction() {
  // 53 bits of the generator: std's distributions differ between libraries.
  return static_cast<double>(random_() >> 11) * 0x1.0p-53;
}

std::int32_t Sampler::draw(const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  double left = fraction() * total;
  for (const Candidate& candidate : candidates) {
    left -= candidate.weight;
    if (left < 0) return candidate.id;
  }
  return candidates.back().id;
}

/// Draws without ranking: skips runs of the vocabulary by their sums.
std::int32_t Sampler::draw_unordered(std::span<const float> weights) {
  constexpr std::size_t kRun = 1024;
  const auto kept = [&](float weight) { return weight >= options_.min_p ? weight : 0.0f; };
  const auto sum_of = [&](std::span<const float> run) {
    constexpr std::size_t kSums = 8;  // independent of each other
    float sums[kSums] = {};
    std::size_t i = 0;
    for (; i + kSums <= run.size(); i += kSums) {
      for (std::size_t j = 0; j < kSums; ++j) sums[j] += kept(run[i + j]);
    }
    for (; i < run.size(); ++i) sums[0] += kept(run[i]);
    return std::accumulate(sums, sums + kSums, 0.0);
  };
  std::vector<double> sums;
  double total = 0;
  for (std::size_t first = 0; first < weights.size(); first += kRun) {
    sums.push_back(sum_of(weights.subspan(first, std::min(kRun, weights.size() - first))));
    total += sums.back();
  }
  double left = fraction() * total;
  std::size_t run = 0;
  for (; run + 1 < sums.size() && left >= sums[run]; ++run) left -= sums[run];
  while (sums[run] == 0) --run;  // rounding may leave a rest: then draw the last kept token
  std::size_t drawn = 0;
  for (std::size_t id = run * kRun; id < weights.size() && left >= 0; ++id) {
    if (kept(weights[id]) == 0) continue;
    left -= kept(weights[id]);
    drawn = id;
  }
  return static_cast<std::int32_t>(drawn);
}

}  // namespace oko::engine

#include "engine/device_decoder.h"

#include "tensor/finite.h"

namespace oko::engine {

bool DeviceDecoder::can_choose(const SamplingOptions& options) {
  if (options.repetition_penalty != 1.0f || options.presence_penalty != 0.0f) return false;
  if (options.frequency_penalty != 0.0f || !options.logit_bias.empty()) return false;
  if (options.top_logprobs >= 0) return false;
  return options.temperature == 0 || options.top_p == 1;
}

DeviceDecoder::DeviceDecoder(const tensor::mx::array& logits, const SamplingOptions& options,
                             int max_tokens)
    : options_(options), max_tokens_(max_tokens), ahead_(choose(logits)) {}

DeviceDecoder::~DeviceDecoder() {
  ahead_.wait();
  if (next_) next_->wait();
}

std::int32_t DeviceDecoder::read() {
  const std::int32_t id = ahead_.read_id();
  tensor::require_finite(ahead_.read_largest_logit());
  if (next_) ahead_ = *next_;
  next_.reset();
  return id;
}

tensor::TokenChoice DeviceDecoder::choose(const tensor::mx::array& logits) {
  // Another key for each token; the factor spreads neighbouring seeds over all 64 bits.
  const std::uint64_t key =
      options_.seed * 0x9E3779B97F4A7C15 + static_cast<std::uint64_t>(chosen_++);
  return {logits,
          {.temperature = options_.temperature, .top_k = options_.top_k, .min_p = options_.min_p},
          key};
}

}  // namespace oko::engine

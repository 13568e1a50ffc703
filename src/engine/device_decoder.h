#pragma once

#include <cstdint>

#include "engine/decoder.h"
#include "engine/sampler.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/token_choice.h"

namespace oko::engine {

/// Chooses tokens by MLX's operations on the device. The graph of the next token is submitted
/// before the last one is read, so the device does not wait for the host; the token after the last
/// may be computed in vain.
class DeviceDecoder : public Decoder {
 public:
  /// Whether these options can be met without the logits.
  static bool can_choose(const SamplingOptions& options);

  /// `logits`: (1, vocab_size), of the first token. The sequence must outlive the decoder.
  DeviceDecoder(models::qwen3_vl::Sequence& sequence, const tensor::mx::array& logits,
                const SamplingOptions& options, int max_tokens);
  ~DeviceDecoder() override;  ///< waits for what was submitted
  DeviceDecoder(const DeviceDecoder&) = delete;
  DeviceDecoder& operator=(const DeviceDecoder&) = delete;

  std::int32_t next() override;

 private:
  tensor::TokenChoice choose(const tensor::mx::array& logits);

  models::qwen3_vl::Sequence& sequence_;
  SamplingOptions options_;
  int max_tokens_;
  int chosen_ = 0;
  tensor::TokenChoice ahead_;  ///< the token that `next` gives
};

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <optional>

#include "engine/sampler.h"
#include "tensor/token_choice.h"

namespace oko::engine {

/// Chooses tokens by MLX's operations on the device. The graph of the next token is submitted
/// before the last one is read, so the device does not wait for the host:
///
///     observe(logits of reading input()), then read(), for each token
///
/// It may compute one token too many.
class DeviceDecoder {
 public:
  /// True if these options need no logits on the host.
  static bool can_choose(const SamplingOptions& options);

  /// `logits`: (1, vocab_size), of the first token. `max_tokens`: that will be read.
  DeviceDecoder(const tensor::mx::array& logits, const SamplingOptions& options, int max_tokens);
  ~DeviceDecoder();  ///< waits for the submitted graphs
  DeviceDecoder(const DeviceDecoder&) = delete;
  DeviceDecoder& operator=(const DeviceDecoder&) = delete;

  /// True if a token follows the one that `read` returns.
  bool wants_logits() const { return chosen_ < max_tokens_; }

  /// The token that `read` returns, (1), which the device may not have computed yet.
  const tensor::mx::array& input() const { return ahead_.id(); }

  /// `logits`: (1, vocab_size), after `input`.
  void observe(const tensor::mx::array& logits) { next_ = choose(logits); }

  /// Waits for the token. Throws kBadModel if logits are not numbers.
  std::int32_t read();

 private:
  tensor::TokenChoice choose(const tensor::mx::array& logits);

  SamplingOptions options_;
  int max_tokens_;
  int chosen_ = 0;
  tensor::TokenChoice ahead_;
  std::optional<tensor::TokenChoice> next_;
};

}  // namespace oko::engine

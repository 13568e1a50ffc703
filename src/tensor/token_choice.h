#pragma once

#include <mlx/array.h>

#include <cstdint>

namespace oko::tensor {

namespace mx = mlx::core;

struct TokenChoiceOptions {
  float temperature = 0.0f;  ///< 0: the most likely token; the other fields are not used
  int top_k = 0;             ///< keep the k most likely tokens, ties included; 0: all
  float min_p = 0.0f;        ///< drop tokens with less than this fraction of the best probability
};

/// A token that MLX chooses on its device. Submitted at once, it may be the input of the next graph
/// before the host reads it.
class TokenChoice {
 public:
  /// `logits`: (1, vocab_size). `key`: of MLX's random numbers; the same key and logits give the
  /// same token on one kind of device.
  TokenChoice(const mx::array& logits, const TokenChoiceOptions& options, std::uint64_t key);

  const mx::array& id() const { return id_; }  ///< (1), not waited for

  /// Waits for the device.
  std::int32_t read_id();
  float read_largest_logit();  ///< NaN if one of the logits is NaN
  void wait() noexcept;        ///< errors are dropped

 private:
  mx::array largest_logit_;  ///< (1), f32
  mx::array id_;             ///< (1), uint32
};

}  // namespace oko::tensor

#pragma once

#include <mlx/array.h>

#include <cstdint>

namespace oko::tensor {

namespace mx = mlx::core;

struct TokenChoiceOptions {
  float temperature = 0.0f;  ///< 0: the most likely token, and what follows is not used
  int top_k = 0;             ///< keep the k most likely tokens, and what equals the last; 0: all
  float min_p = 0.0f;        ///< drop tokens less likely than this share of the most likely one
};

/// A token that MLX chooses on its device. It is submitted at once and may be the input of the next
/// graph before the host reads it.
class TokenChoice {
 public:
  /// `logits`: (1, vocab_size). `key`: of MLX's random numbers; the same key and logits give the
  /// same token on one kind of device.
  TokenChoice(const mx::array& logits, const TokenChoiceOptions& options, std::uint64_t key);

  const mx::array& id() const { return id_; }  ///< (1), not waited for

  /// Wait for the device.
  std::int32_t read_id();
  float read_largest_logit();  ///< not a number where one of the logits is not
  void wait() noexcept;        ///< errors are dropped

 private:
  mx::array largest_logit_;  ///< (1), f32
  mx::array id_;             ///< (1), uint32
};

}  // namespace oko::tensor

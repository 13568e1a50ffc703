#pragma once

#include <mlx/array.h>

#include <cstddef>
#include <span>

namespace oko::tensor {

namespace mx = mlx::core;

/// Logits on the host: (n, vocab_size) in f32. Copies share one memory.
class LogitRows {
 public:
  /// Waits for `logits`, (n, vocab_size). Copies them only if they are not f32 rows already.
  explicit LogitRows(const mx::array& logits);

  std::size_t size() const { return static_cast<std::size_t>(rows_.shape(0)); }
  /// A row, which the caller may write: nothing else reads it.
  std::span<float> operator[](std::size_t row);

 private:
  mx::array rows_;
};

}  // namespace oko::tensor

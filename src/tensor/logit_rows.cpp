#include "tensor/logit_rows.h"

#include <mlx/array.h>
#include <mlx/ops.h>

namespace oko::tensor {

LogitRows::LogitRows(const mx::array& logits) : rows_(mx::astype(logits, mx::float32)) {
  rows_.eval();
  if (rows_.flags().row_contiguous) return;
  rows_ = mx::contiguous(rows_);
  rows_.eval();
}

std::span<float> LogitRows::operator[](std::size_t row) {
  const auto width = static_cast<std::size_t>(rows_.shape(1));
  return {rows_.data<float>() + row * width, width};
}

}  // namespace oko::tensor

#include "tensor/rotary.h"

#include <mlx/array.h>
#include <mlx/fast.h>
#include <mlx/ops.h>

#include <algorithm>
#include <cmath>

#include "tensor/cpu/materialized.h"
#include "tensor/cpu/row_ops.h"
#include "tensor/device.h"

namespace oko::tensor {
namespace {

constexpr float kNoTurn = 1e30f;  // a period so long that no position turns, in f32

int size_of(const std::vector<float>& values) {
  return static_cast<int>(values.size());
}

}  // namespace

Rotary::Rotary(const RotaryPairs& pairs, const std::vector<std::vector<std::int32_t>>& positions) {
  const std::size_t half = pairs.periods.size();
  if (uses_graph()) {
    for (std::size_t axis = 0; axis < positions.size(); ++axis) {
      if (positions[axis].empty()) continue;
      std::vector<float> periods(half, kNoTurn);
      for (std::size_t i = 0; i < half; ++i) {
        if (pairs.axes[i] == axis) periods[i] = pairs.periods[i];
      }
      turns_.push_back(
          {mx::array(positions[axis].data(), {static_cast<int>(positions[axis].size())}, mx::int32),
           mx::array(periods.data(), {size_of(periods)}, mx::float32)});
    }
    return;
  }
  std::size_t count = 0;
  for (const auto& axis : positions) count = std::max(count, axis.size());
  std::vector<float> cos, sin;
  cos.reserve(count * half);
  sin.reserve(count * half);
  for (std::size_t token = 0; token < count; ++token) {
    for (std::size_t i = 0; i < half; ++i) {
      const auto position = static_cast<float>(positions[pairs.axes[i]][token]);
      const float angle = position * (1.0f / pairs.periods[i]);
      cos.push_back(std::cos(angle));
      sin.push_back(std::sin(angle));
    }
  }
  const mx::Shape shape{static_cast<int>(count), static_cast<int>(half)};
  cos_ = mx::array(cos.data(), shape, mx::float32);
  sin_ = mx::array(sin.data(), shape, mx::float32);
}

mx::array Rotary::operator()(const mx::array& x) const {
  if (uses_graph()) {
    // Pass a batch of n sequences of one token, each with its own position.
    const int head_dim = x.shape(-1);
    mx::array y = x.ndim() == 4 ? x : mx::reshape(x, {x.shape(0), x.shape(1), 1, head_dim});
    for (const Turn& turn : turns_) {
      y = mx::fast::rope(y, head_dim, /*traditional=*/false, /*base=*/std::nullopt, /*scale=*/1.0f,
                         turn.positions, turn.periods);
    }
    return x.ndim() == 4 ? y : mx::reshape(y, x.shape());
  }
  const mx::array input = cpu::materialized_f32_rows(x);
  mx::array out = cpu::uninitialized(x.shape());
  cpu::rotate(input.data<float>(), static_cast<std::size_t>(input.strides(0)), cos_->data<float>(),
              sin_->data<float>(), static_cast<std::size_t>(x.shape(0)),
              static_cast<std::size_t>(x.shape(1)), static_cast<std::size_t>(x.shape(-1)),
              out.data<float>());
  return out;
}

}  // namespace oko::tensor

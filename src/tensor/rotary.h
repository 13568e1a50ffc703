#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace oko::tensor {

namespace mx = mlx::core;

/// The rotation of the pairs of a head: pair i by the angle position[axis[i]] / period[i].
struct RotaryPairs {
  std::vector<float> periods;      ///< radians^-1, one a pair
  std::vector<std::uint8_t> axes;  ///< one a pair
};

/// Rotary position embedding, "rotate half" form (RoFormer, arXiv:2104.09864, in the layout of
/// GPT-NeoX), of n tokens, the same for all layers.
class Rotary {
 public:
  /// `positions`: one vector an axis, each of n. An axis that no pair turns with may be empty.
  Rotary(const RotaryPairs& pairs, const std::vector<std::vector<std::int32_t>>& positions);

  /// x: (n, heads, head_dim), in a graph also (n, heads, 1, head_dim) -> the same shape.
  mx::array operator()(const mx::array& x) const;

 private:
  /// MLX's kernel turns all pairs with one position a token, so it runs once an axis: the pairs of
  /// other axes have a period that leaves them bitwise unchanged.
  struct Turn {
    mx::array positions;  ///< (n), int32
    mx::array periods;    ///< (head_dim / 2), f32
  };
  std::vector<Turn> turns_;  ///< in a graph

  std::optional<mx::array> cos_;  ///< for oko's kernel, (n, head_dim / 2)
  std::optional<mx::array> sin_;
};

}  // namespace oko::tensor

#include "models/qwen3_vl/rotary.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace oko::models::qwen3_vl {
namespace {

/// base^(2 i / dim) for i < dim / 2.
std::vector<float> periods_of(float base, int dim) {
  std::vector<float> result;
  for (int i = 0; i < dim; i += 2) {
    result.push_back(std::pow(base, static_cast<float>(i) / static_cast<float>(dim)));
  }
  return result;
}

}  // namespace

tensor::Rotary text_rotary(std::span<const std::array<std::int32_t, 3>> positions,
                           const TextConfig& config) {
  tensor::RotaryPairs pairs{periods_of(config.rope_theta, config.head_dim), {}};
  // Text has one position on all axes: one axis is enough.
  const bool is_text = std::all_of(positions.begin(), positions.end(), [](const auto& position) {
    return position[0] == position[1] && position[0] == position[2];
  });
  for (int i = 0; i < static_cast<int>(pairs.periods.size()); ++i) {
    const auto axis = static_cast<std::uint8_t>(i % 3);
    const bool own = axis != 0 && !is_text && i < 3 * config.mrope_section[axis];
    pairs.axes.push_back(own ? axis : 0);
  }
  std::vector<std::vector<std::int32_t>> coordinates(is_text ? 1 : 3);
  for (std::size_t axis = 0; axis < coordinates.size(); ++axis) {
    for (const auto& position : positions) coordinates[axis].push_back(position[axis]);
  }
  return tensor::Rotary(pairs, coordinates);
}

tensor::Rotary vision_rotary(const GridThw& grid, const VisionConfig& config) {
  const std::vector<float> periods =
      periods_of(config.rope_theta, config.hidden_size / config.num_heads / 2);
  tensor::RotaryPairs pairs;
  for (const std::uint8_t axis : {0, 1}) {
    pairs.periods.insert(pairs.periods.end(), periods.begin(), periods.end());
    pairs.axes.insert(pairs.axes.end(), periods.size(), axis);
  }
  const int merge = config.spatial_merge_size;
  std::vector<std::vector<std::int32_t>> coordinates(2);
  for (int t = 0; t < grid.t; ++t) {
    for (int block_row = 0; block_row < grid.h; block_row += merge) {
      for (int block_column = 0; block_column < grid.w; block_column += merge) {
        for (int patch = 0; patch < merge * merge; ++patch) {
          coordinates[0].push_back(block_row + patch / merge);
          coordinates[1].push_back(block_column + patch % merge);
        }
      }
    }
  }
  return tensor::Rotary(pairs, coordinates);
}

}  // namespace oko::models::qwen3_vl

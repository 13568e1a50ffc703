#include "models/qwen3_vl/rope_index.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/language.h"

namespace oko::models::qwen3_vl {
namespace {

void push_angle(RotaryTable& table, float angle) {
  table.cos.push_back(std::cos(angle));
  table.sin.push_back(std::sin(angle));
}

/// 1 / base^(2 i / dim) for i < dim / 2.
std::vector<float> inverse_frequencies(float base, int dim) {
  std::vector<float> result;
  for (int i = 0; i < dim; i += 2) {
    result.push_back(1.0f / std::pow(base, static_cast<float>(i) / static_cast<float>(dim)));
  }
  return result;
}

[[noreturn]] void throw_mismatch() {
  throw Error(ErrorCode::kFailed, tr("the prompt's image tokens do not match its pictures",
                                     "токены изображений не совпадают с картинками"));
}

}  // namespace

RopeIndex rope_index(std::span<const std::int32_t> ids, std::span<const GridThw> grids,
                     std::int32_t image_token_id, int spatial_merge_size) {
  RopeIndex index;
  index.positions.reserve(ids.size());
  std::int32_t next = 0;
  std::size_t picture = 0;
  for (std::size_t i = 0; i < ids.size();) {
    if (ids[i] != image_token_id) {
      index.positions.push_back({next, next, next});
      ++next;
      ++i;
      continue;
    }
    if (picture == grids.size()) throw_mismatch();
    const GridThw& grid = grids[picture++];
    const int rows = grid.h / spatial_merge_size;
    const int columns = grid.w / spatial_merge_size;
    const auto count = static_cast<std::size_t>(grid.t) * static_cast<std::size_t>(rows * columns);
    if (count > ids.size() - i ||
        std::any_of(ids.begin() + static_cast<std::ptrdiff_t>(i),
                    ids.begin() + static_cast<std::ptrdiff_t>(i + count),
                    [&](std::int32_t id) { return id != image_token_id; })) {
      throw_mismatch();
    }
    for (int t = 0; t < grid.t; ++t) {
      for (int row = 0; row < rows; ++row) {
        for (int column = 0; column < columns; ++column) {
          index.positions.push_back({next + t, next + row, next + column});
        }
      }
    }
    next += std::max({grid.t, rows, columns});
    i += count;
  }
  if (picture != grids.size()) throw_mismatch();
  index.delta = next - static_cast<std::int32_t>(ids.size());
  return index;
}

RotaryTable text_rotary(std::span<const std::array<std::int32_t, 3>> positions,
                        const TextConfig& config) {
  const std::vector<float> frequencies = inverse_frequencies(config.rope_theta, config.head_dim);
  RotaryTable table;
  table.cos.reserve(positions.size() * frequencies.size());
  table.sin.reserve(positions.size() * frequencies.size());
  for (const auto& position : positions) {
    for (int i = 0; i < static_cast<int>(frequencies.size()); ++i) {
      const auto axis = static_cast<std::size_t>(i % 3);
      const bool own = axis != 0 && i < 3 * config.mrope_section[axis];
      const auto coordinate = static_cast<float>(position[own ? axis : 0]);
      push_angle(table, coordinate * frequencies[static_cast<std::size_t>(i)]);
    }
  }
  return table;
}

RotaryTable vision_rotary(const GridThw& grid, const VisionConfig& config) {
  const std::vector<float> frequencies =
      inverse_frequencies(10'000.0f, config.hidden_size / config.num_heads / 2);
  const int merge = config.spatial_merge_size;
  RotaryTable table;
  for (int t = 0; t < grid.t; ++t) {
    for (int block_row = 0; block_row < grid.h; block_row += merge) {
      for (int block_column = 0; block_column < grid.w; block_column += merge) {
        for (int patch = 0; patch < merge * merge; ++patch) {
          const auto row = static_cast<float>(block_row + patch / merge);
          const auto column = static_cast<float>(block_column + patch % merge);
          for (const float frequency : frequencies) push_angle(table, row * frequency);
          for (const float frequency : frequencies) push_angle(table, column * frequency);
        }
      }
    }
  }
  return table;
}

}  // namespace oko::models::qwen3_vl

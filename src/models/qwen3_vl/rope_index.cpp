#include "models/qwen3_vl/rope_index.h"

#include <algorithm>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::models::qwen3_vl {
namespace {

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

}  // namespace oko::models::qwen3_vl

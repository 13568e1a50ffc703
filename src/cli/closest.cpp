#include "cli/closest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace oko::cli {
namespace {

/// Letters to insert, delete or replace to make `b` from `a` (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string closest(std::string_view typed, const std::vector<std::string>& names) {
  std::string best;
  std::size_t least = 3;
  const bool has_letters = typed.find_first_not_of("-/") != std::string_view::npos;
  for (const std::string& each : names) {
    const bool begins = has_letters && each.starts_with(typed);
    const std::size_t distance = begins ? 0 : edit_distance(typed, each);
    if (distance >= std::min(least, each.size() - 1)) continue;
    least = distance;
    best = each;
  }
  return best;
}

}  // namespace oko::cli

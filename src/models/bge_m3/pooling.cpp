#include "models/bge_m3/pooling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace oko::models::bge_m3 {
namespace {

constexpr std::array<std::pair<std::string_view, Pooling>, 6> kModes{{
    {"cls", Pooling::kCls},
    {"max", Pooling::kMax},
    {"mean", Pooling::kMean},
    {"mean_sqrt_len_tokens", Pooling::kMeanSqrtLength},
    {"weightedmean", Pooling::kWeightedMean},
    {"lasttoken", Pooling::kLastToken},
}};

/// The sum of all rows, each times its weight, divided by `divisor`.
template <typename Weight>
void add_weighted(const float* rows, std::size_t count, double divisor, Weight weight,
                  std::span<float> out) {
  std::vector<double> sums(out.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += weight(i) * rows[i * sums.size() + j];
  }
  for (std::size_t j = 0; j < sums.size(); ++j) out[j] = static_cast<float>(sums[j] / divisor);
}

void pool_one(Pooling mode, const float* rows, std::size_t count, std::span<float> out) {
  const std::size_t width = out.size();
  const auto once = [](std::size_t) { return 1.0; };
  const auto total = static_cast<double>(count);
  switch (mode) {
    case Pooling::kCls:
      std::copy_n(rows, width, out.begin());
      return;
    case Pooling::kLastToken:
      std::copy_n(rows + (count - 1) * width, width, out.begin());
      return;
    case Pooling::kMax:
      std::copy_n(rows, width, out.begin());
      for (std::size_t i = width; i < count * width; ++i) {
        out[i % width] = std::max(out[i % width], rows[i]);
      }
      return;
    case Pooling::kMean:
      return add_weighted(rows, count, total, once, out);
    case Pooling::kMeanSqrtLength:
      return add_weighted(rows, count, std::sqrt(total), once, out);
    case Pooling::kWeightedMean:
      return add_weighted(
          rows, count, total * (total + 1) / 2,
          [](std::size_t i) { return static_cast<double>(i + 1); }, out);
  }
}

}  // namespace

std::optional<Pooling> pooling_of(std::string_view name) {
  for (const auto& [known, mode] : kModes) {
    if (known == name) return mode;
  }
  return std::nullopt;
}

std::vector<float> pool(std::span<const Pooling> modes, const float* rows, std::size_t count,
                        std::size_t width) {
  std::vector<float> pooled(modes.size() * width);
  for (std::size_t i = 0; i < modes.size(); ++i) {
    pool_one(modes[i], rows, count, std::span(pooled).subspan(i * width, width));
  }
  return pooled;
}

void normalize(std::span<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  const double length = std::max(std::sqrt(squares), 1e-12);
  for (float& x : vector) x = static_cast<float>(x / length);
}

}  // namespace oko::models::bge_m3

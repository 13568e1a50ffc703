#pragma once

#include <vector>

#include "models/qwen3_vl/config.h"

namespace oko::engine {

/// The predicted speed of answers on one kind of Mac.
struct ExpectedSpeed {
  const char* chip;
  double tokens_per_second;
};

/// Speeds by the bandwidth that Apple gives for each chip: a token reads the weights once, at 85 %
/// of the bandwidth, and starts kernels for 0.11 ms per layer. mlx-lm reaches that with models of
/// this kind; oko was not measured on a Mac.
std::vector<ExpectedSpeed> expected_speeds(const models::qwen3_vl::Config& config);

}  // namespace oko::engine

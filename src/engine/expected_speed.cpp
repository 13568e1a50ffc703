#include "engine/expected_speed.h"

#include "models/qwen3_vl/memory_estimate.h"

namespace oko::engine {

std::vector<ExpectedSpeed> expected_speeds(const models::qwen3_vl::Config& config) {
  struct Chip {
    const char* name;
    double bytes_per_second;
  };
  // Of Apple's technical specifications.
  constexpr Chip kChips[] = {{"M1", 68e9},      {"M2", 100e9},     {"M3", 100e9},
                             {"M4", 120e9},     {"M5", 153e9},     {"M1 Pro", 200e9},
                             {"M2 Pro", 200e9}, {"M3 Pro", 150e9}, {"M4 Pro", 273e9}};
  constexpr double kShare = 0.85, kSecondsPerLayer = 0.11e-3;
  const auto bytes = static_cast<double>(models::qwen3_vl::weight_bytes_per_token(config));
  std::vector<ExpectedSpeed> speeds;
  for (const Chip& chip : kChips) {
    const double seconds =
        bytes / (kShare * chip.bytes_per_second) + kSecondsPerLayer * config.text.num_hidden_layers;
    speeds.push_back({chip.name, 1 / seconds});
  }
  return speeds;
}

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <filesystem>

#include "base/stop_token.h"

namespace oko::testing {

/// What a loaded model takes.
struct LoadMemory {
  std::uint64_t weight_bytes = 0;   ///< of its files
  std::uint64_t private_bytes = 0;  ///< above those of the process before
};

/// Loads a Qwen3-VL model, reads a short text with it, which touches its weights, and measures the
/// memory that stays. On the thread that called `prepare_device`. Throws kBadModel, kCancelled.
LoadMemory measure_load(const std::filesystem::path& model, const StopToken& stop = {});

struct SwitchTimes {
  double there_seconds = 0;
  double back_seconds = 0;
};

/// Replaces a loaded Qwen3-VL model by a BGE-M3 model and the other way round; each time ends with
/// the first result. Throws as `measure_load`.
SwitchTimes measure_switch(const std::filesystem::path& vision_language,
                           const std::filesystem::path& embedding, const StopToken& stop = {});

}  // namespace oko::testing

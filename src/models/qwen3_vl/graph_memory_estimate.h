#pragma once

#include <cstdint>

#include "models/qwen3_vl/config.h"
#include "tensor/device.h"

namespace oko::models::qwen3_vl {

inline constexpr std::uint64_t kFloat = sizeof(float);

// The estimates of memory_estimate.h for MLX's graph. They count all arrays of a layer: MLX holds
// the inputs of kernels until a command buffer is done, and ten of those are in flight.

std::uint64_t graph_vision_bytes(const VisionConfig& config, std::uint64_t patches,
                                 const tensor::MemoryModel& memory);

/// `keys`: tokens of the whole prompt; `rows`: of the largest chunk.
std::uint64_t graph_prefill_bytes(const TextConfig& config, std::uint64_t keys, std::uint64_t rows,
                                  const tensor::MemoryModel& memory);

/// A token of the answer. The next token is computed while the last one is read.
std::uint64_t graph_decode_bytes(const TextConfig& config, std::uint64_t keys,
                                 const tensor::MemoryModel& memory);

}  // namespace oko::models::qwen3_vl

#pragma once

#include <cstdint>

#include "models/bge_m3/config.h"
#include "models/bge_m3/encoding.h"
#include "tensor/device.h"

namespace oko::models::bge_m3 {

// The most bytes that a pass or its results hold, without the mapped weights.

/// One pass over `tokens` tokens, the arrays of the outputs included.
std::uint64_t pass_bytes(const Config& config, std::uint64_t tokens, const Outputs& outputs,
                         const tensor::MemoryModel& memory = {});

/// The encodings of texts, which stay until the caller has them.
std::uint64_t encoding_bytes(const Config& config, std::uint64_t texts, std::uint64_t tokens,
                             const Outputs& outputs);

/// The checkpoint's files in 8 bits: an estimate for a model before its download.
std::uint64_t weight_bytes(const Config& config);

/// The config of BAAI/bge-m3, for plans before a download.
Config bge_m3();

}  // namespace oko::models::bge_m3

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "models/qwen3_vl/config.h"
#include "tensor/cpu/kv_rows.h"
#include "tensor/device.h"

namespace oko::models::qwen3_vl {

// The most bytes that a phase holds, without the mapped weights, computed from shapes.

/// The patches of a picture: `pixel_values`.
std::uint64_t pixel_bytes(const VisionConfig& config, std::uint64_t patches);

/// The features of a picture, all levels: kept for the whole request.
std::uint64_t feature_bytes(const VisionConfig& config, std::uint64_t patches,
                            const tensor::MemoryModel& memory = {});

/// The vision tower during a picture: with its `pixel_values`, which the first layer frees, and its
/// features.
std::uint64_t vision_bytes(const VisionConfig& config, std::uint64_t patches,
                           const tensor::MemoryModel& memory = {});

/// Keys and values of all layers for `tokens` tokens, with room for `initial_capacity` tokens
/// (tensor::KvCache::capacity_for). A graph keeps them in the dtype of activations, not in `type`.
std::uint64_t kv_bytes(const TextConfig& config, std::uint64_t tokens,
                       std::uint64_t initial_capacity, tensor::cpu::KvType type,
                       const tensor::MemoryModel& memory = {});

/// The prefill of a prompt, `chunk` of its tokens at a time, without keys and values.
std::uint64_t prefill_bytes(const TextConfig& config, std::uint64_t tokens, std::uint64_t chunk,
                            const tensor::MemoryModel& memory = {});

/// The decode of a token after `tokens` others, without keys and values.
std::uint64_t decode_bytes(const TextConfig& config, std::uint64_t tokens,
                           const tensor::MemoryModel& memory = {});

/// The checkpoint's files: every linear layer of the language model in the default of
/// `config.quantization`, the tower in 16 bits. An estimate for a model before its download.
std::uint64_t weight_bytes(const Config& config);

/// The bytes of weights that a decoded token reads: the layers, and the table of the head.
std::uint64_t weight_bytes_per_token(const Config& config);

/// The config of Qwen/Qwen3-VL-{SIZE}-Instruct in mlx-community's 4 bits, for plans before a
/// download. `size`: "2b", "4b", "8b", "32b"; nothing for others.
std::optional<Config> qwen3_vl(std::string_view size);
Config qwen3_vl_4b();

}  // namespace oko::models::qwen3_vl

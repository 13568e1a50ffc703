#pragma once

#include <cstdint>
#include <span>

#include "budget/tag_bytes.h"
#include "engine/generation.h"
#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/limits.h"
#include "tensor/cpu/kv_rows.h"
#include "tensor/device.h"

namespace oko::engine {

/// Initial capacity of the KV cache for the answer, in tokens; a longer answer grows it in steps.
inline constexpr int kInitialDecodeCapacity = 256;

/// A KV cache of 8, 16 or 32 bits. Throws kUsage for others.
tensor::cpu::KvType kv_type_of(int bits);

/// The bits of a KV cache for a requested number: a GPU keeps the 16 bits of its activations
/// (tensor::KvCache).
constexpr int kv_bits_on(bool gpu, int bits) {
  return gpu ? 16 : bits;
}

/// The sizes that decide the memory of a generation.
struct GenerationShape {
  std::span<const models::qwen3_vl::ImageSize> pictures;  ///< as they were decoded
  bool pictures_are_resident = false;                     ///< they are not counted
  std::uint64_t text_tokens = 0;                          ///< of the prompt, pictures not counted
  std::uint64_t max_tokens = 0;                           ///< of the answer
  tensor::cpu::KvType kv_type = tensor::cpu::KvType::kFloat16;
  std::uint64_t prefill_chunk = models::qwen3_vl::kPrefillChunk;
  tensor::MemoryModel memory = {};
};

/// The most bytes of each phase of a generation, without weights. They count the process as a whole
/// from the start on, so memory that an earlier phase leaves is in the later ones too.
struct GenerationMemory {
  budget::TagBytes preprocess;  ///< resize and patches
  budget::TagBytes vision;      ///< the tower, one picture after another
  budget::TagBytes prefill;
  budget::TagBytes decode;

  /// The most that the sequence keeps between its steps, in any phase.
  budget::TagBytes sequence;

  /// The same without tags.
  PhaseMemory totals() const;

  /// The phase that holds most.
  const budget::TagBytes& largest() const;

  /// The memory of a step in addition to `sequence`, so that both together are `largest`. One step
  /// runs at a time: several sequences need the memory of each, and the largest workspace once.
  budget::TagBytes workspace() const;
};

/// Predicts the memory before anything is allocated. Throws kBadInput for pictures that
/// `smart_resize` refuses.
GenerationMemory estimate(const GenerationShape& shape, const models::qwen3_vl::Config& model,
                          const models::qwen3_vl::ImageProcessorConfig& processor);

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "budget/ledger.h"
#include "engine/estimate.h"
#include "engine/generation.h"
#include "models/qwen3_vl/chunks.h"

namespace oko::engine {

/// How a generation is worked on: as it is asked for, or with less memory.
struct Fitting {
  int prefill_chunk = static_cast<int>(models::qwen3_vl::kPrefillChunk);
  int kv_bits = 16;
  std::int64_t max_pixels = 0;             ///< of a picture after resizing
  std::vector<Reduction> reductions = {};  ///< what was taken back of what was asked for
};

/// Memory of a generation that is worked on like this.
using EstimateOf = std::function<GenerationMemory(const Fitting&)>;

/// The first of these that `fits`: as `asked`; prompts in smaller chunks, which cost time; the KV
/// cache in 8 bits, which costs precision; smaller pictures, `asked.max_pixels` being what the
/// largest of them has (0: there are none), which cost detail. Where none does, `asked` with all
/// but smaller pictures: the ledger refuses it with its numbers.
Fitting fit(const Fitting& asked, const EstimateOf& estimate_of,
            const std::function<bool(const budget::TagBytes&)>& fits);

/// What the user can do about a generation that does not fit.
std::string advice(bool has_pictures, int max_tokens);

}  // namespace oko::engine

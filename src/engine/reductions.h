#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "budget/tag_bytes.h"
#include "engine/estimate.h"
#include "engine/generation.h"
#include "models/qwen3_vl/limits.h"

namespace oko::engine {

/// Tokens of a prefill chunk if memory is short.
inline constexpr int kSmallChunk = 128;

/// The settings of a generation: as requested, or with less memory.
struct GenerationSettings {
  int prefill_chunk = static_cast<int>(models::qwen3_vl::kPrefillChunk);
  int kv_bits = 16;
  std::int64_t max_pixels = 0;             ///< as in GenerationRequest
  std::vector<Reduction> reductions = {};  ///< the settings that were reduced
};

/// Memory of a generation with these settings.
using EstimateOf = std::function<GenerationMemory(const GenerationSettings&)>;

/// The smallest size that oko chooses by itself: smaller pictures show too little.
inline constexpr std::int64_t kLeastPixels = 200'000;

/// Pixels of a picture on a GPU if the request names no size. Attention of the vision
/// tower costs the square of the patches: 1.2 megapixels are 5.4 TFLOP, 2 to 4 s on an M1 or M2,
/// and a photo of 12 megapixels 250, minutes.
inline constexpr std::int64_t kGraphPixels = 1280 * 960;

/// The limits of the reductions of a generation.
struct ReductionLimits {
  std::int64_t largest_picture = 0;  ///< pixels of the largest requested one; 0: there is none
  int least_kv_bits = 8;             ///< 16 on a GPU, which keeps activations as they are
};

/// Tries in order: as `asked`, a smaller prefill chunk (costs time), an 8-bit KV cache (precision),
/// smaller pictures (detail). Undoes steps that turn out unnecessary. If nothing fits, returns the
/// smallest settings, which the budget refuses with its numbers.
GenerationSettings reduce_to_fit(const GenerationSettings& asked, const ReductionLimits& limits,
                                 const EstimateOf& estimate_of,
                                 const std::function<bool(const budget::TagBytes&)>& fits);

/// The reductions of a request and their reason, for the user.
LocalizedText text_of(const Reduction& reduction);

/// Knobs for a generation that does not fit. Each alone is sufficient.
struct Knobs {
  std::int64_t max_pixels = 0;     ///< the largest with which it fits; 0: none
  int max_tokens = 0;              ///< the most with which it fits; 0: none
  LocalizedText option = {};       ///< another sufficient option; empty: none
  std::uint64_t budget_bytes = 0;  ///< the least sufficient budget
};
LocalizedText budget_hint(const Knobs& knobs);

}  // namespace oko::engine

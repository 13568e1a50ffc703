#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "budget/reservation.h"
#include "engine/answer_form.h"
#include "engine/sampler.h"
#include "image/image.h"
#include "text/chat_template.h"

namespace oko::engine {

/// A decoded picture. Copies share its pixels.
class SharedImage {
 public:
  SharedImage(image::Image image)  // NOLINT: of a request that shares nothing
      : image_(std::make_shared<const image::Image>(std::move(image))) {}

  const image::Image& operator*() const { return *image_; }
  const image::Image* operator->() const { return image_.get(); }

 private:
  std::shared_ptr<const image::Image> image_;
};

// Limits of an answer if a request names none.
inline constexpr int kUsualTokens = 1024;
inline constexpr int kMostUsualTokens = 8192;
inline constexpr std::uint64_t kUsualAnswers = 4;

/// A conversation that the model continues.
struct GenerationRequest {
  std::vector<text::Message> messages;
  std::vector<std::string> tools = {};  ///< see text::apply_chat_template
  std::vector<SharedImage> images;      ///< one for each image part of the messages, in order
  /// Memory that is reserved for `images` already; only the rest is reserved. Null: none.
  std::shared_ptr<const budget::Reservation> images_reservation = {};
  /// True if the caller keeps `images` in memory, reserved as resident: nothing is reserved here.
  bool images_are_resident = false;
  SamplingOptions sampling;
  /// Limit of the answer, >= 1; the model's positions may give a lower one. 0: kMostUsualTokens,
  /// or half of it and so on down to kUsualTokens, so that the budget has room for
  /// kUsualAnswers of them at once.
  int max_tokens = kUsualTokens;
  /// Limit of each picture after resizing; 0: GeneratorOptions::graph_pixels in MLX's graph,
  /// otherwise the limit of the model's config, which no value exceeds.
  std::int64_t max_pixels = 0;
  int kv_bits = 16;               ///< precision of the KV cache: 8, 16 or 32; on a GPU 16
  int prefill_chunk = 512;        ///< tokens of the prompt that are read at once, >= 1
  bool lookup = false;            ///< guess tokens from the text itself (PromptLookup)
  bool measure_memory = false;    ///< fills GenerationStats::memory and peak_private_bytes
  std::vector<std::string> stop;  ///< texts at which the answer ends; they are not part of it
  std::shared_ptr<const AnswerForm> form = {};  ///< of the answer (AnswerForms); null: any
};

enum class FinishReason { kStop, kLength, kLoop };

/// "stop", "length", "loop".
std::string_view name_of(FinishReason reason);

/// Peak bytes of memory in each phase of a generation. Memory that a phase leaves counts in the
/// next ones.
struct PhaseMemory {
  std::uint64_t preprocess = 0;
  std::uint64_t vision = 0;
  std::uint64_t prefill = 0;
  std::uint64_t decode = 0;
  std::uint64_t kv = 0;  ///< of `decode`, the KV cache

  std::uint64_t peak() const { return std::max({preprocess, vision, prefill, decode}); }
};

/// Time and memory of a generation. Times in seconds. Measured memory is that of the process, not
/// of the request alone: what other requests take or free at the same time is included. `kv` is of
/// the request, and so is `predicted_memory`.
struct GenerationStats {
  double preprocess_seconds = 0;  ///< resize and patches of all pictures
  double load_seconds = 0;        ///< mapping the model, if this request was its first
  double vision_seconds = 0;      ///< the vision tower, all pictures
  double prefill_seconds = 0;
  double decode_seconds = 0;
  double time_to_first_token_seconds = 0;  ///< from the start of the request
  int image_tokens = 0;
  int cached_images = 0;                  ///< pictures whose features were cached
  int prompt_tokens = 0;                  ///< image tokens included
  int cached_tokens = 0;                  ///< of them, those that were cached
  int generated_tokens = 0;               ///< thoughts included, the end token not counted
  int thought_tokens = 0;                 ///< of them, thoughts and what is around them
  int drafted_tokens = 0;                 ///< guessed by lookup
  int accepted_draft_tokens = 0;          ///< of them, those that were right
  std::uint64_t weight_bytes = 0;         ///< of the model, mapped
  std::uint64_t copied_weight_bytes = 0;  ///< of them, private memory (Weights::copied_bytes)
  std::uint64_t peak_private_bytes = 0;   ///< of the process, during the request
  std::uint64_t mlx_peak_bytes = 0;       ///< in MLX's buffers; on a GPU weights are such buffers
  PhaseMemory predicted_memory;           ///< before anything was allocated
  PhaseMemory memory;                     ///< measured: private, above that at the start
  /// Measured, of MLX's buffers, since any request of the model ended a phase; without a separate
  /// KV cache.
  PhaseMemory mlx_memory;

  double decode_tokens_per_second() const {
    return decode_seconds > 0 ? (generated_tokens - 1) / decode_seconds : 0;
  }
  double prefill_tokens_per_second() const {
    return prefill_seconds > 0 ? (prompt_tokens - cached_tokens) / prefill_seconds : 0;
  }
};

enum class ReductionReason {
  kMemoryBudget,  ///< the requested value would not fit
  kDefaultSize,   ///< the request names no size for its pictures
};

/// "memory_budget", "default_size".
std::string_view name_of(ReductionReason reason);

/// A setting that was reduced for a request.
struct Reduction {
  std::string what;  ///< "prefill_chunk" (tokens), "kv_bits", "max_pixels"
  std::int64_t from = 0;
  std::int64_t to = 0;
  ReductionReason reason = ReductionReason::kMemoryBudget;
};

/// A token of an answer with its probability (TokenReport). `bytes` are not always whole
/// characters.
struct TokenLogprob {
  std::string bytes;
  float logprob = 0;
};
struct TokenLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;
};

/// A part of a call of a function, as it comes.
struct CallPiece {
  std::size_t call = 0;  ///< in the order of the answer
  std::string text;
};

struct GenerationResult {
  std::string text;
  std::string thoughts;                 ///< of a model that thinks, before the text
  std::vector<std::string> calls;       ///< of functions (ToolForm): what is between their tokens
  std::vector<TokenLogprobs> logprobs;  ///< of each token, thoughts aside, if they are asked for
  FinishReason finish_reason = FinishReason::kStop;
  std::string stop = {};  ///< the stop string that ended it, which `text` lacks; empty: none
  std::vector<Reduction> reductions;
  GenerationStats stats;
};

/// Gets each piece of the answer as it comes: complete UTF-8 characters.
using TextSink = std::function<void(std::string_view)>;

/// Gets the progress of the work before the first token, 0..1.
using ProgressSink = std::function<void(double)>;

}  // namespace oko::engine

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "engine/estimate.h"
#include "engine/generation.h"
#include "engine/reductions.h"
#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/image_processor.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace oko::engine {

/// Tokens of a text that take precedence over larger pictures if not all fits.
inline constexpr int kLeastText = 512;

/// Room for text in a prompt.
struct TextRoom {
  std::size_t tokens = 0;
  bool is_short_of_memory = false;  ///< the budget limits it, not the model's positions
};

/// True if work of these bytes fits the budget with its model and nothing else.
using FitsBudget = std::function<bool(const budget::TagBytes&)>;

/// Plans requests: sizes of pictures, prompts, memory. It only computes, without touching pixels or
/// reserving memory, so any thread may call.
class GenerationPlanner {
 public:
  /// Reads the configs of the model's folder. `graph_pixels`: see GenerationRequest::max_pixels.
  /// Throws kBadModel. `tokenizer` must outlive this.
  GenerationPlanner(const std::filesystem::path& model, const text::Tokenizer& tokenizer,
                    std::int64_t graph_pixels);

  /// The plan of a request.
  struct Plan {
    text::ChatPrompt prompt;
    GenerationSettings settings;
    int image_tokens = 0;
    int max_tokens = 0;  ///< of the answer, as the model's positions allow
    GenerationMemory memory;
    std::vector<Reduction> reductions;
  };

  /// The sizes that decide the memory of a request.
  struct Shape {
    std::vector<models::qwen3_vl::ImageSize> sizes;
    bool images_are_resident = false;
    GenerationSettings settings;  ///< as requested
    ReductionLimits limits;
    std::int64_t whole_picture = 0;  ///< pixels of the largest one at the model's own limit
    std::uint64_t text_tokens = 0;
    int max_tokens = 0;  ///< of the answer, as the model's positions allow
  };

  /// Plans the request, reduced until `fits` accepts it, or with the smallest settings if it
  /// accepts none. Throws kUsage for options out of range; kBadInput for pictures and messages that
  /// do not fit each other or the model.
  Plan plan(const GenerationRequest& request, const FitsBudget& fits) const;

  /// The shape of the request with pictures of these sizes. Throws as `plan`.
  Shape shape_of(const GenerationRequest& request,
                 const std::vector<models::qwen3_vl::ImageSize>& sizes) const;

  /// The knobs that make the request take `bytes` with a model of `weight_bytes`. `budget_bytes` of
  /// the result is the least sufficient budget.
  Knobs knobs_for(const Shape& shape, std::uint64_t weight_bytes, std::uint64_t bytes) const;

  /// See Generator::text_room.
  TextRoom text_room(const GenerationRequest& request, const FitsBudget& fits) const;

  models::qwen3_vl::ImageProcessorConfig processor_for(std::int64_t max_pixels) const;
  const models::qwen3_vl::Config& config() const { return config_; }
  text::ChatStyle chat_style() const { return chat_style_; }

 private:
  void check_processor(const std::filesystem::path& model) const;
  std::int64_t largest_picture(const std::vector<models::qwen3_vl::ImageSize>& sizes,
                               std::int64_t max_pixels) const;
  int answer_tokens(int max_tokens, int prompt_tokens) const;
  int usual_tokens(const Shape& asked, std::uint64_t text_tokens, int prompt_tokens,
                   const FitsBudget& fits) const;
  Shape asked_of(const GenerationRequest& request,
                 std::vector<models::qwen3_vl::ImageSize> sizes) const;
  text::ChatPrompt prompt_of(const GenerationRequest& request, const Shape& shape,
                             std::int64_t max_pixels, int& image_tokens) const;
  GenerationMemory estimate_of(const Shape& shape, std::uint64_t text_tokens, int max_tokens,
                               const GenerationSettings& settings) const;

  const text::Tokenizer& tokenizer_;
  models::qwen3_vl::Config config_;
  models::qwen3_vl::ImageProcessorConfig image_processor_;
  text::ChatStyle chat_style_;
  std::int64_t graph_pixels_;
};

/// The sizes of the decoded pictures of a request.
std::vector<models::qwen3_vl::ImageSize> sizes_of(const GenerationRequest& request);

}  // namespace oko::engine

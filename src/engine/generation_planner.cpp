#include "engine/generation_planner.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "engine/largest.h"
#include "engine/prompt_too_long.h"
#include "tensor/device.h"

namespace oko::engine {

namespace qwen = models::qwen3_vl;

namespace {

void require_positive(const char* name, int value) {
  if (value >= 1) return;
  throw Error(ErrorCode::kUsage,
              tr("{} is {}, expected at least 1", "{} — {}, ожидается не меньше 1", name, value));
}

}  // namespace

std::vector<qwen::ImageSize> sizes_of(const GenerationRequest& request) {
  std::vector<qwen::ImageSize> sizes;
  sizes.reserve(request.images.size());
  for (const SharedImage& image : request.images) sizes.push_back({image->width, image->height});
  return sizes;
}

GenerationPlanner::GenerationPlanner(const std::filesystem::path& model,
                                     const text::Tokenizer& tokenizer, std::int64_t graph_pixels)
    : tokenizer_(tokenizer),
      config_(qwen::Config::load(model)),
      image_processor_(qwen::ImageProcessorConfig::of_model(model)),
      chat_style_(text::chat_style_of(model)),
      graph_pixels_(graph_pixels) {
  check_processor(model);
}

/// The tower takes patches of one size.
void GenerationPlanner::check_processor(const std::filesystem::path& model) const {
  const qwen::VisionConfig& vision = config_.vision;
  const qwen::ImageProcessorConfig& processor = image_processor_;
  if (processor.patch_size == vision.patch_size &&
      processor.merge_size == vision.spatial_merge_size &&
      processor.temporal_patch_size == vision.temporal_patch_size) {
    return;
  }
  throw Error(ErrorCode::kBadModel,
              tr("{}: the image processor makes patches of {} pixels, {} frames and merges {}, "
                 "config.json has {}, {} and {}",
                 "{}: обработчик картинок делает патчи: {:пиксель|пикселя|пикселей}, "
                 "{:кадр|кадра|кадров}, слияние {}; в "
                 "config.json — {}, {} и {}",
                 model.string(), Count(processor.patch_size), Count(processor.temporal_patch_size),
                 processor.merge_size, vision.patch_size, vision.temporal_patch_size,
                 vision.spatial_merge_size),
              tr("preprocessor_config.json belongs to another model",
                 "preprocessor_config.json — от другой модели"));
}

qwen::ImageProcessorConfig GenerationPlanner::processor_for(std::int64_t max_pixels) const {
  qwen::ImageProcessorConfig processor = image_processor_;
  if (max_pixels > 0) {
    processor.max_pixels = std::min(processor.max_pixels, max_pixels);
    processor.min_pixels = std::min(processor.min_pixels, processor.max_pixels);
  }
  return processor;
}

/// Pixels of the largest of these pictures once resized; 0: there are none.
std::int64_t GenerationPlanner::largest_picture(const std::vector<qwen::ImageSize>& sizes,
                                                std::int64_t max_pixels) const {
  std::int64_t largest = 0;
  for (const qwen::ImageSize& size : sizes) {
    const qwen::ImageSize resized = qwen::smart_resize(size, processor_for(max_pixels));
    largest = std::max(largest, std::int64_t{resized.width} * std::int64_t{resized.height});
  }
  return largest;
}

/// Max new tokens: prompt and answer must fit max_position_embeddings.
int GenerationPlanner::answer_tokens(int max_tokens, int prompt_tokens) const {
  const int most = config_.text.max_position_embeddings;
  if (prompt_tokens >= most) throw PromptTooLong(prompt_tokens, most);
  return std::min(max_tokens == 0 ? kUsualTokens : max_tokens, most - prompt_tokens);
}

/// The limit of an answer whose request names none. All of its KV cache is reserved, so a limit as
/// long as the model's positions would keep other requests waiting.
int GenerationPlanner::usual_tokens(const Shape& asked, std::uint64_t text_tokens,
                                    int prompt_tokens, const FitsBudget& fits) const {
  for (int most = kMostUsualTokens; most > kUsualTokens; most /= 2) {
    const int tokens = answer_tokens(most, prompt_tokens);
    budget::TagBytes bytes = estimate_of(asked, text_tokens, tokens, asked.settings).largest();
    bytes[budget::Tag::kKv] *= kUsualAnswers;
    if (fits(bytes)) return tokens;
  }
  return answer_tokens(kUsualTokens, prompt_tokens);
}

GenerationPlanner::Shape GenerationPlanner::asked_of(const GenerationRequest& request,
                                                     std::vector<qwen::ImageSize> sizes) const {
  Shape asked;
  asked.sizes = std::move(sizes);
  asked.images_are_resident = request.images_are_resident;
  const bool graph = tensor::uses_graph();
  const bool default_size = graph && request.max_pixels == 0;
  asked.settings = {.prefill_chunk = request.prefill_chunk,
                    .kv_bits = kv_bits_on(graph, request.kv_bits),
                    .max_pixels = default_size ? graph_pixels_ : request.max_pixels};
  asked.limits = {.largest_picture = largest_picture(asked.sizes, asked.settings.max_pixels),
                  .least_kv_bits = kv_bits_on(graph, 8)};
  asked.whole_picture =
      default_size ? largest_picture(asked.sizes, 0) : asked.limits.largest_picture;
  return asked;
}

text::ChatPrompt GenerationPlanner::prompt_of(const GenerationRequest& request, const Shape& shape,
                                              std::int64_t max_pixels, int& image_tokens) const {
  std::vector<int> token_counts;
  token_counts.reserve(shape.sizes.size());
  for (const qwen::ImageSize& size : shape.sizes) {
    token_counts.push_back(qwen::merged_tokens(size, processor_for(max_pixels)));
  }
  image_tokens = std::accumulate(token_counts.begin(), token_counts.end(), 0);
  return text::apply_chat_template(tokenizer_, request.messages, token_counts,
                                   /*add_generation_prompt=*/true, chat_style_, request.tools);
}

GenerationMemory GenerationPlanner::estimate_of(const Shape& shape, std::uint64_t text_tokens,
                                                int max_tokens,
                                                const GenerationSettings& settings) const {
  return estimate({.pictures = shape.sizes,
                   .pictures_are_resident = shape.images_are_resident,
                   .text_tokens = text_tokens,
                   .max_tokens = static_cast<std::uint64_t>(max_tokens),
                   .kv_type = kv_type_of(settings.kv_bits),
                   .prefill_chunk = static_cast<std::uint64_t>(settings.prefill_chunk),
                   .memory = tensor::memory_model(config_.number_bytes)},
                  config_, processor_for(settings.max_pixels));
}

TextRoom GenerationPlanner::text_room(const GenerationRequest& request,
                                      const FitsBudget& fits) const {
  const Shape asked = asked_of(request, sizes_of(request));
  int image_tokens = 0;
  const auto prompt_tokens = static_cast<int>(
      prompt_of(request, asked, asked.settings.max_pixels, image_tokens).ids.size());
  const int left = std::max(0, config_.text.max_position_embeddings - prompt_tokens);
  const int answer =
      std::min(request.max_tokens == 0 ? kUsualTokens : request.max_tokens, left / 2);
  const auto memory_with = [&](const GenerationSettings& settings, int more) {
    const int text_tokens = prompt_tokens - image_tokens + more;
    return estimate_of(asked, static_cast<std::uint64_t>(text_tokens), answer, settings);
  };
  const auto fitting_with = [&](int more) {
    return reduce_to_fit(
        asked.settings, asked.limits,
        [&](const GenerationSettings& settings) { return memory_with(settings, more); }, fits);
  };
  GenerationSettings kept = fitting_with(0);
  kept.prefill_chunk = std::min(kept.prefill_chunk, kSmallChunk);
  const int room = left - answer;
  const int as_asked =
      largest(0, room, [&](int more) { return fits(memory_with(kept, more).largest()); });
  const int with_less = largest(0, std::min(room, kLeastText), [&](int more) {
    return fits(memory_with(fitting_with(more), more).largest());
  });
  const int tokens = std::max(as_asked, with_less);
  return {static_cast<std::size_t>(tokens), tokens < room};
}

GenerationPlanner::Shape GenerationPlanner::shape_of(
    const GenerationRequest& request, const std::vector<qwen::ImageSize>& sizes) const {
  Shape shape = asked_of(request, sizes);
  int image_tokens = 0;
  const auto prompt_tokens = static_cast<int>(
      prompt_of(request, shape, shape.settings.max_pixels, image_tokens).ids.size());
  shape.text_tokens = static_cast<std::uint64_t>(prompt_tokens - image_tokens);
  shape.max_tokens = answer_tokens(request.max_tokens, prompt_tokens);
  return shape;
}

Knobs GenerationPlanner::knobs_for(const Shape& shape, std::uint64_t weight_bytes,
                                   std::uint64_t bytes) const {
  const auto memory_with = [&](const GenerationSettings& settings, int tokens) {
    return estimate_of(shape, shape.text_tokens, tokens, settings);
  };
  const GenerationSettings least = reduce_to_fit(
      shape.settings, shape.limits,
      [&](const GenerationSettings& settings) { return memory_with(settings, shape.max_tokens); },
      [](const budget::TagBytes&) { return false; });
  const auto needed = [&](std::int64_t max_pixels, int tokens) {
    GenerationSettings settings = least;
    settings.max_pixels = max_pixels;
    return weight_bytes + memory_with(settings, tokens).largest().total();
  };
  Knobs knobs;
  knobs.budget_bytes = needed(least.max_pixels, shape.max_tokens);
  if (knobs.budget_bytes <= bytes) return knobs;
  constexpr std::int64_t kFewest = 1024;
  const std::int64_t most = std::min(kLeastPixels, shape.limits.largest_picture) - 1;
  if (most >= kFewest) {
    knobs.max_pixels = largest(kFewest, most, [&](std::int64_t pixels) {
      return needed(pixels, shape.max_tokens) <= bytes;
    });
  }
  if (shape.max_tokens > 1) {
    knobs.max_tokens = largest(1, shape.max_tokens - 1, [&](int tokens) {
      return needed(least.max_pixels, tokens) <= bytes;
    });
  }
  return knobs;
}

GenerationPlanner::Plan GenerationPlanner::plan(const GenerationRequest& request,
                                                const FitsBudget& fits) const {
  validate(request.sampling);
  for (const TokenBias& bias : request.sampling.logit_bias) {
    if (bias.id >= 0 && bias.id < tokenizer_.vocab_size()) continue;
    throw Error(ErrorCode::kUsage, tr("logit_bias names token {}; the model has {}",
                                      "logit_bias называет токен {}; у модели их {}", bias.id,
                                      tokenizer_.vocab_size()));
  }
  if (request.max_tokens != 0) require_positive("max_tokens", request.max_tokens);
  require_positive("prefill_chunk", request.prefill_chunk);
  kv_type_of(request.kv_bits);  // refused here, before any work
  const Shape asked = asked_of(request, sizes_of(request));
  Plan plan;
  plan.prompt = prompt_of(request, asked, asked.settings.max_pixels, plan.image_tokens);
  const auto prompt_tokens = static_cast<int>(plan.prompt.ids.size());
  const auto text_tokens = static_cast<std::uint64_t>(prompt_tokens - plan.image_tokens);
  plan.max_tokens = request.max_tokens == 0 ? usual_tokens(asked, text_tokens, prompt_tokens, fits)
                                            : answer_tokens(request.max_tokens, prompt_tokens);
  const EstimateOf memory_with = [&](const GenerationSettings& settings) {
    return estimate_of(asked, text_tokens, plan.max_tokens, settings);
  };
  plan.settings = reduce_to_fit(asked.settings, asked.limits, memory_with, fits);
  if (plan.settings.max_pixels != asked.settings.max_pixels) {
    plan.prompt = prompt_of(request, asked, plan.settings.max_pixels, plan.image_tokens);
  }
  if (asked.limits.largest_picture < asked.whole_picture) {
    plan.reductions.push_back({"max_pixels", asked.whole_picture, asked.limits.largest_picture,
                               ReductionReason::kDefaultSize});
  }
  plan.reductions.insert(plan.reductions.end(), plan.settings.reductions.begin(),
                         plan.settings.reductions.end());
  plan.memory = memory_with(plan.settings);
  return plan;
}

}  // namespace oko::engine

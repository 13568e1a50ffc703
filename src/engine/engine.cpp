#include "engine/engine.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "budget/memory_size.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/decoder.h"
#include "engine/largest.h"
#include "engine/stopping.h"
#include "engine/stopwatch.h"
#include "tensor/buffer_phases.h"
#include "tensor/device.h"
#include "text/detokenizer.h"

namespace oko::engine {

namespace qwen = models::qwen3_vl;

namespace {

/// Share of the time to the first token that the vision tower is taken for, where there are
/// pictures.
constexpr double kVisionShare = 0.7;

/// The pictures of a request came before it and are counted with it.
std::uint64_t bytes_of(const std::vector<image::Image>& images) {
  std::uint64_t bytes = 0;
  for (const image::Image& image : images) bytes += image.rgb.size();
  return std::min(bytes, budget::private_bytes());
}

std::vector<qwen::ImageSize> sizes_of(const GenerationRequest& request) {
  std::vector<qwen::ImageSize> sizes;
  sizes.reserve(request.images.size());
  for (const image::Image& image : request.images) sizes.push_back({image.width, image.height});
  return sizes;
}

}  // namespace

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kLoop:
      return "loop";
  }
  return {};
}

std::string_view name_of(ReductionReason reason) {
  switch (reason) {
    case ReductionReason::kMemoryBudget:
      return "memory_budget";
    case ReductionReason::kDefaultSize:
      return "default_size";
  }
  return {};
}

struct Engine::Work {
  Work(const GenerationRequest& request, const TextSink& on_text, const ProgressSink& on_progress,
       StopToken stop)
      : request(request), on_text(on_text), on_progress(on_progress), stop(std::move(stop)) {}

  const GenerationRequest& request;
  const TextSink& on_text;
  const ProgressSink& on_progress;
  StopToken stop;
  std::vector<qwen::Patches> patches;
  text::ChatPrompt prompt;
  Fitting fitting;
  int max_tokens = 0;  ///< of the answer, as the model's positions allow
  std::vector<qwen::ImageFeatures> features;
  std::optional<qwen::Sequence> sequence;
  std::optional<tensor::mx::array> logits;  ///< of the answer's first token
  GenerationResult result;
  GenerationMemory memory;  ///< as predicted
  std::optional<tensor::BufferPhases> buffers;
  Stopwatch since_start;
  budget::PeakSampler sampler;
  std::uint64_t private_before = 0;  ///< of the process, when the request was admitted

  /// What others took while this waited for its turn does not count.
  void begin_to_measure() {
    sampler.take_peak();
    private_before = budget::private_bytes() - bytes_of(request.images);
  }

  /// Gives back what belongs to MLX, on the engine thread.
  void release() {
    logits.reset();
    sequence.reset();
    features.clear();
    buffers.reset();
  }

  /// A phase that may take as much of MLX's memory; decoded pictures are none of it.
  void begin_phase(const budget::TagBytes& bytes) {
    buffers->begin(bytes.total() - bytes[budget::Tag::kImage]);
  }

  /// Bytes at most since the last call, above those at the start.
  std::uint64_t take_peak() {
    const std::uint64_t peak = sampler.take_peak();
    return peak - std::min(peak, private_before);
  }

  void report(double done) const {
    if (on_progress) on_progress(done);
  }
};

namespace {

/// The tokens that end an answer: all that the model's files name, and the end of a turn.
std::vector<std::int32_t> end_tokens_of(const qwen::GenerationConfig& config,
                                        const text::Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids = config.eos_token_ids;
  for (const std::string& token : {config.eos_token, std::string("<|im_end|>")}) {
    if (const auto id = tokenizer.special_token(token)) ids.push_back(*id);
  }
  return ids;
}

}  // namespace

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      config_(qwen::Config::load(options_.vision_language_model)),
      tokenizer_(text::Tokenizer::load(options_.vision_language_model)),
      image_processor_(qwen::ImageProcessorConfig::of_model(options_.vision_language_model)),
      generation_config_(qwen::GenerationConfig::load(options_.vision_language_model)),
      chat_style_(text::chat_style_of(options_.vision_language_model)),
      end_tokens_(end_tokens_of(generation_config_, tokenizer_)),
      host_(options_.host != nullptr
                ? options_.host
                : std::make_shared<ModelHost>(HostOptions{.threads = options_.threads})),
      loaded_(options_),
      registration_(*host_, loaded_,
                    loaded_.weight_bytes + loaded_.copied_bytes + options_.image_cache_bytes) {
  check_processor();
}

/// The tower takes patches of one size.
void Engine::check_processor() const {
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
                 "{}: обработчик картинок делает патчи: {} пикселей, {} кадров, слияние {}; в "
                 "config.json — {}, {} и {}",
                 options_.vision_language_model.string(), processor.patch_size,
                 processor.temporal_patch_size, processor.merge_size, vision.patch_size,
                 vision.temporal_patch_size, vision.spatial_merge_size),
              tr("preprocessor_config.json belongs to another model",
                 "preprocessor_config.json — от другой модели"));
}

Engine::~Engine() = default;

Engine::Loaded::Loaded(const EngineOptions& options)
    : folder(options.vision_language_model), image_cache(options.image_cache_bytes) {
  if (options.prepare_weights) options.prepare_weights();
  weight_bytes = tensor::Weights::bytes_on_disk(folder);
  copied_bytes = tensor::Weights::bytes_beyond_disk(folder);
}

void Engine::Loaded::load() {
  const Stopwatch load;
  std::unique_ptr<qwen::Model> loaded = qwen::Model::load(folder);
  tensor::Weights::require_bytes_on_disk(folder, weight_bytes);
  model = std::move(loaded);
  load_seconds = load.seconds();
}

void Engine::Loaded::unload() noexcept {
  image_cache.clear();
  model.reset();
}

GenerationResult Engine::generate(const GenerationRequest& request, const TextSink& on_text,
                                  const StopToken& stop, const ProgressSink& on_progress) {
  validate(request.sampling);
  if (request.max_tokens < 1) {
    throw Error(ErrorCode::kUsage,
                tr("max_tokens is {}, expected at least 1",
                   "max_tokens — {}, ожидается не меньше 1", request.max_tokens));
  }
  if (request.prefill_chunk < 1) {
    throw Error(ErrorCode::kUsage,
                tr("prefill_chunk is {}, expected at least 1",
                   "prefill_chunk — {}, ожидается не меньше 1", request.prefill_chunk));
  }
  kv_type_of(request.kv_bits);  // refused here, before any work
  Work work(request, on_text, on_progress, stop);
  const std::unique_ptr<ModelLease> lease = admit(work);
  work.begin_to_measure();
  preprocess(work);
  lease->run(
      [&] {
        const std::unique_ptr<Work, decltype([](Work* w) { w->release(); })> release(&work);
        work.buffers.emplace();
        encode_images(work);
        read_prompt(work);
        write_answer(work);
        work.result.stats.mlx_peak_bytes = work.buffers->peak_bytes();
      },
      work.stop);
  work.result.stats.weight_bytes = registration_.weight_bytes();
  work.result.stats.peak_private_bytes = work.sampler.peak_bytes();
  return std::move(work.result);
}

qwen::ImageProcessorConfig Engine::processor_for(std::int64_t max_pixels) const {
  qwen::ImageProcessorConfig processor = image_processor_;
  if (max_pixels > 0) {
    processor.max_pixels = std::min(processor.max_pixels, max_pixels);
    processor.min_pixels = std::min(processor.min_pixels, processor.max_pixels);
  }
  return processor;
}

/// Pixels of the largest of these pictures once resized; 0: there are none.
std::int64_t Engine::largest_picture(const std::vector<qwen::ImageSize>& sizes,
                                     std::int64_t max_pixels) const {
  std::int64_t largest = 0;
  for (const qwen::ImageSize& size : sizes) {
    const qwen::ImageSize resized = qwen::smart_resize(size, processor_for(max_pixels));
    largest = std::max(largest, std::int64_t{resized.width} * std::int64_t{resized.height});
  }
  return largest;
}

/// Of the answer at most: prompt and answer have positions that the model knows.
int Engine::answer_tokens(const GenerationRequest& request, int prompt_tokens) const {
  const int most = config_.text.max_position_embeddings;
  if (prompt_tokens >= most) {
    throw Error(ErrorCode::kBadInput,
                tr("the prompt has {} tokens, this model knows {} with the answer",
                   "в запросе {} токенов, модель знает {} вместе с ответом", prompt_tokens, most),
                tr("ask with a shorter text, or about fewer or smaller pictures",
                   "сократите запрос, спросите о меньшем числе картинок или о меньших"));
  }
  return std::min(request.max_tokens, most - prompt_tokens);
}

/// How a request is to be worked on if its memory does not matter.
struct Engine::Asked {
  std::vector<qwen::ImageSize> sizes;
  Fitting fitting;
  FitLimits limits;
  std::int64_t whole_picture = 0;  ///< pixels of the largest one as the model's config has it
};

Engine::Asked Engine::asked_of(const GenerationRequest& request,
                               std::vector<qwen::ImageSize> sizes) const {
  Asked asked;
  asked.sizes = std::move(sizes);
  const bool graph = tensor::uses_graph();
  const bool default_size = graph && request.max_pixels == 0;
  asked.fitting = {.prefill_chunk = request.prefill_chunk,
                   .kv_bits = kv_bits_on(graph, request.kv_bits),
                   .max_pixels = default_size ? options_.graph_pixels : request.max_pixels};
  asked.limits = {.largest_picture = largest_picture(asked.sizes, asked.fitting.max_pixels),
                  .least_kv_bits = kv_bits_on(graph, 8)};
  asked.whole_picture =
      default_size ? largest_picture(asked.sizes, 0) : asked.limits.largest_picture;
  return asked;
}

text::ChatPrompt Engine::prompt_of(const GenerationRequest& request, const Asked& asked,
                                   std::int64_t max_pixels, int& image_tokens) const {
  std::vector<int> token_counts;
  token_counts.reserve(asked.sizes.size());
  for (const qwen::ImageSize& size : asked.sizes) {
    token_counts.push_back(qwen::merged_tokens(size, processor_for(max_pixels)));
  }
  image_tokens = std::accumulate(token_counts.begin(), token_counts.end(), 0);
  return text::apply_chat_template(tokenizer_, request.messages, token_counts,
                                   /*add_generation_prompt=*/true, chat_style_);
}

GenerationMemory Engine::estimate_of(const Asked& asked, std::uint64_t text_tokens, int max_tokens,
                                     const Fitting& fitting) const {
  return estimate({.pictures = asked.sizes,
                   .text_tokens = text_tokens,
                   .max_tokens = static_cast<std::uint64_t>(max_tokens),
                   .kv_type = kv_type_of(fitting.kv_bits),
                   .prefill_chunk = static_cast<std::uint64_t>(fitting.prefill_chunk),
                   .memory = tensor::memory_model(config_.number_bytes)},
                  config_, processor_for(fitting.max_pixels));
}

TextRoom Engine::text_room(const GenerationRequest& request) const {
  const Asked asked = asked_of(request, sizes_of(request));
  int image_tokens = 0;
  const auto prompt_tokens = static_cast<int>(
      prompt_of(request, asked, asked.fitting.max_pixels, image_tokens).ids.size());
  const int left = std::max(0, config_.text.max_position_embeddings - prompt_tokens);
  const int answer = std::min(request.max_tokens, left / 2);
  const auto memory_with = [&](const Fitting& fitting, int more) {
    const int text_tokens = prompt_tokens - image_tokens + more;
    return estimate_of(asked, static_cast<std::uint64_t>(text_tokens), answer, fitting);
  };
  const auto fits = [&](const budget::TagBytes& bytes) {
    return host_->fits_budget(registration_, bytes);
  };
  const auto fitting_with = [&](int more) {
    return fit(
        asked.fitting, asked.limits,
        [&](const Fitting& fitting) { return memory_with(fitting, more); }, fits);
  };
  Fitting kept = fitting_with(0);
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

/// What decides the memory of a request.
struct Engine::Prepared {
  Asked asked;
  std::uint64_t text_tokens = 0;
  int max_tokens = 0;  ///< of the answer, as the model's positions allow
};

Engine::Prepared Engine::prepare(const GenerationRequest& request,
                                 const std::vector<qwen::ImageSize>& sizes) const {
  Prepared prepared{asked_of(request, sizes)};
  int image_tokens = 0;
  const auto prompt_tokens = static_cast<int>(
      prompt_of(request, prepared.asked, prepared.asked.fitting.max_pixels, image_tokens)
          .ids.size());
  prepared.text_tokens = static_cast<std::uint64_t>(prompt_tokens - image_tokens);
  prepared.max_tokens = answer_tokens(request, prompt_tokens);
  return prepared;
}

std::uint64_t Engine::least_bytes(const GenerationRequest& request,
                                  const std::vector<qwen::ImageSize>& sizes) const {
  return knobs_for(prepare(request, sizes), std::numeric_limits<std::uint64_t>::max()).budget_bytes;
}

Knobs Engine::knobs_for(const GenerationRequest& request, const std::vector<qwen::ImageSize>& sizes,
                        std::uint64_t bytes) const {
  return knobs_for(prepare(request, sizes), bytes);
}

Knobs Engine::knobs_for(const Prepared& prepared, std::uint64_t bytes) const {
  const Asked& asked = prepared.asked;
  const auto memory_with = [&](const Fitting& fitting, int tokens) {
    return estimate_of(asked, prepared.text_tokens, tokens, fitting);
  };
  const Fitting least = fit(
      asked.fitting, asked.limits,
      [&](const Fitting& fitting) { return memory_with(fitting, prepared.max_tokens); },
      [](const budget::TagBytes&) { return false; });
  const auto needed = [&](std::int64_t max_pixels, int tokens) {
    Fitting fitting = least;
    fitting.max_pixels = max_pixels;
    return registration_.weight_bytes() + memory_with(fitting, tokens).largest().total();
  };
  Knobs knobs;
  knobs.budget_bytes = needed(least.max_pixels, prepared.max_tokens);
  if (knobs.budget_bytes <= bytes) return knobs;
  constexpr std::int64_t kFewest = 1024;
  const std::int64_t most = std::min(kLeastPixels, asked.limits.largest_picture) - 1;
  if (most >= kFewest) {
    knobs.max_pixels = largest(kFewest, most, [&](std::int64_t pixels) {
      return needed(pixels, prepared.max_tokens) <= bytes;
    });
  }
  if (prepared.max_tokens > 1) {
    knobs.max_tokens = largest(1, prepared.max_tokens - 1, [&](int tokens) {
      return needed(least.max_pixels, tokens) <= bytes;
    });
  }
  return knobs;
}

/// Decides how the request is worked on and waits until its memory is free. Makes the prompt, whose
/// length depends on that.
std::unique_ptr<ModelLease> Engine::admit(Work& work) {
  const GenerationRequest& request = work.request;
  const Asked asked = asked_of(request, sizes_of(request));
  const auto prompt_with = [&](std::int64_t max_pixels) {
    work.prompt = prompt_of(request, asked, max_pixels, work.result.stats.image_tokens);
    work.result.stats.prompt_tokens = static_cast<int>(work.prompt.ids.size());
  };
  prompt_with(asked.fitting.max_pixels);
  work.max_tokens = answer_tokens(request, work.result.stats.prompt_tokens);
  const auto text_tokens =
      static_cast<std::uint64_t>(work.result.stats.prompt_tokens - work.result.stats.image_tokens);
  const EstimateOf memory_with = [&](const Fitting& fitting) {
    return estimate_of(asked, text_tokens, work.max_tokens, fitting);
  };
  work.fitting = fit(asked.fitting, asked.limits, memory_with, [&](const budget::TagBytes& bytes) {
    return host_->fits_budget(registration_, bytes);
  });
  if (work.fitting.max_pixels != asked.fitting.max_pixels) prompt_with(work.fitting.max_pixels);
  if (asked.limits.largest_picture < asked.whole_picture) {
    work.result.reductions.push_back({"max_pixels", asked.whole_picture,
                                      asked.limits.largest_picture, ReductionReason::kDefaultSize});
  }
  work.result.reductions.insert(work.result.reductions.end(), work.fitting.reductions.begin(),
                                work.fitting.reductions.end());
  work.memory = memory_with(work.fitting);
  const GenerationMemory& memory = work.memory;
  work.result.stats.predicted_memory = {memory.preprocess.total(), memory.vision.total(),
                                        memory.prefill.total(), memory.decode.total(),
                                        memory.decode[budget::Tag::kKv]};
  if (!host_->fits_budget(registration_, memory.largest())) {
    const std::uint64_t beside =
        host_->budget_for(registration_, {}) - registration_.weight_bytes();
    const std::uint64_t budget = host_->budget_bytes();
    Knobs knobs =
        knobs_for({asked, text_tokens, work.max_tokens}, budget - std::min(budget, beside));
    knobs.budget_bytes += beside;
    throw budget::OverBudget(knobs.budget_bytes, budget, advice(knobs));
  }
  return host_->admit(registration_, memory.largest(), tr("raise --budget", "увеличьте --budget"),
                      work.stop, request.images_reservation);
}

void Engine::preprocess(Work& work) const {
  GenerationStats& stats = work.result.stats;
  const Stopwatch preprocess;
  for (const image::Image& image : work.request.images) {
    work.patches.push_back(qwen::preprocess(image, processor_for(work.fitting.max_pixels)));
  }
  stats.preprocess_seconds = preprocess.seconds();
  stats.memory.preprocess = work.take_peak();
}

void Engine::encode_images(Work& work) {
  GenerationStats& stats = work.result.stats;
  stats.load_seconds = std::exchange(loaded_.load_seconds, 0);
  stats.copied_weight_bytes = loaded_.model->copied_weight_bytes();
  const Stopwatch vision;
  work.begin_phase(work.memory.vision);
  for (std::size_t i = 0; i < work.patches.size(); ++i) {
    const ImageCache::Key key = ImageCache::key_of(work.patches[i]);
    if (const qwen::ImageFeatures* cached = loaded_.image_cache.find(key)) {
      work.features.push_back(*cached);
      ++stats.cached_images;
    } else {
      work.features.push_back(loaded_.model->encode_image(std::move(work.patches[i]), work.stop));
      loaded_.image_cache.put(key, work.features.back());
    }
    work.patches[i] = {};
    work.report(kVisionShare * static_cast<double>(i + 1) /
                static_cast<double>(work.patches.size()));
  }
  tensor::release_spare_memory();  // the tower's arrays are larger than any to come
  stats.vision_seconds = vision.seconds();
  stats.memory.vision = work.take_peak();
  stats.mlx_memory.vision = work.buffers->take_peak();
}

void Engine::read_prompt(Work& work) {
  const std::vector<std::int32_t>& ids = work.prompt.ids;
  const Stopwatch prefill;
  work.begin_phase(work.memory.prefill);
  const int expected = std::min(work.max_tokens, kAnswerReserve);
  work.sequence.emplace(
      *loaded_.model,
      qwen::SequenceOptions{.reserve = static_cast<int>(ids.size()) + expected,
                            .kv_type = kv_type_of(work.fitting.kv_bits),
                            .prefill_chunk = static_cast<std::size_t>(work.fitting.prefill_chunk)});
  const double done = work.patches.empty() ? 0.0 : kVisionShare;
  work.logits = work.sequence->read_prompt(ids, work.features, work.stop, [&](std::size_t tokens) {
    work.report(done + (1 - done) * static_cast<double>(tokens) / static_cast<double>(ids.size()));
  });
  work.result.stats.prefill_seconds = prefill.seconds();
  tensor::release_spare_memory();  // likewise: a token's arrays are small
  work.result.stats.memory.prefill = work.take_peak();
  work.result.stats.mlx_memory.prefill = work.buffers->take_peak();
}

void Engine::write_answer(Work& work) {
  GenerationStats& stats = work.result.stats;
  work.begin_phase(work.memory.decode);
  text::Detokenizer detokenizer(tokenizer_);
  StopStrings stops(work.request.stop);
  LoopDetector loop;
  const auto show = [&](const std::string& text) {
    if (text.empty()) return;
    work.result.text += text;
    if (work.on_text) work.on_text(text);
  };
  const auto is_end = [&](std::int32_t id) {
    return std::find(end_tokens_.begin(), end_tokens_.end(), id) != end_tokens_.end();
  };

  work.result.finish_reason = FinishReason::kLength;
  Stopwatch decode;
  const std::unique_ptr<Decoder> decoder =
      make_decoder(*work.sequence, work.prompt.ids, *work.logits, work.request, work.max_tokens);
  work.logits.reset();
  while (stats.generated_tokens < work.max_tokens) {
    throw_if_stopped(work.stop);
    const std::int32_t id = decoder->next();
    if (is_end(id)) {
      work.result.finish_reason = FinishReason::kStop;
      break;
    }
    if (++stats.generated_tokens == 1) {
      stats.first_token_seconds = work.since_start.seconds();
      decode = Stopwatch();
    }
    show(stops.push(detokenizer.push(id)));
    if (stops.met() || loop.push(id)) {
      work.result.finish_reason = stops.met() ? FinishReason::kStop : FinishReason::kLoop;
      break;
    }
  }
  stats.decode_seconds = decode.seconds();
  show(stops.push(detokenizer.flush()));
  show(stops.flush());
  stats.drafted_tokens = decoder->drafted_tokens();
  stats.accepted_drafts = decoder->accepted_drafts();
  stats.memory.decode = work.take_peak();
  stats.mlx_memory.decode = work.buffers->take_peak();
  stats.memory.kv = work.sequence->cache_bytes();
}

}  // namespace oko::engine

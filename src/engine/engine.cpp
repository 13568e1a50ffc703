#include "engine/engine.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/decoder.h"
#include "engine/estimate.h"
#include "engine/fitting.h"
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

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      config_(qwen::Config::load(options_.vision_language_model)),
      tokenizer_(text::Tokenizer::load(options_.vision_language_model)),
      image_processor_(qwen::ImageProcessorConfig::load(options_.vision_language_model /
                                                        "preprocessor_config.json")),
      generation_config_(qwen::GenerationConfig::load(options_.vision_language_model)),
      host_(options_.host != nullptr
                ? options_.host
                : std::make_shared<ModelHost>(HostOptions{.threads = options_.threads})),
      loaded_(options_),
      place_(*host_, loaded_,
             loaded_.weight_bytes + loaded_.copied_bytes + options_.image_cache_bytes) {}

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
  const std::unique_ptr<ModelHost::Use> use = admit(work);
  work.begin_to_measure();
  preprocess(work);
  use->run(
      [&] {
        const std::unique_ptr<Work, decltype([](Work* w) { w->release(); })> release(&work);
        work.buffers.emplace();
        encode_images(work);
        read_prompt(work);
        write_answer(work);
        work.result.stats.mlx_peak_bytes = work.buffers->peak_bytes();
      },
      work.stop);
  work.result.stats.weight_bytes = place_.weight_bytes();
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

/// Decides how the request is worked on and waits until its memory is free. Makes the prompt, whose
/// length depends on that.
std::unique_ptr<ModelHost::Use> Engine::admit(Work& work) {
  const GenerationRequest& request = work.request;
  std::vector<qwen::ImageSize> sizes;
  sizes.reserve(request.images.size());
  for (const image::Image& image : request.images) sizes.push_back({image.width, image.height});
  const bool graph = tensor::uses_graph();
  const bool default_size = graph && request.max_pixels == 0;
  const Fitting asked{.prefill_chunk = request.prefill_chunk,
                      .kv_bits = kv_bits_on(graph, request.kv_bits),
                      .max_pixels = default_size ? options_.graph_pixels : request.max_pixels};
  const FitLimits limits{.largest_picture = largest_picture(sizes, asked.max_pixels),
                         .least_kv_bits = kv_bits_on(graph, 8)};
  const auto prompt_with = [&](std::int64_t max_pixels) {
    std::vector<int> token_counts;
    token_counts.reserve(sizes.size());
    for (const qwen::ImageSize& size : sizes) {
      token_counts.push_back(qwen::merged_tokens(size, processor_for(max_pixels)));
    }
    work.result.stats.image_tokens = std::accumulate(token_counts.begin(), token_counts.end(), 0);
    work.prompt = text::apply_chat_template(tokenizer_, request.messages, token_counts);
    work.result.stats.prompt_tokens = static_cast<int>(work.prompt.ids.size());
  };
  prompt_with(asked.max_pixels);
  work.max_tokens = answer_tokens(request, work.result.stats.prompt_tokens);
  const auto text_tokens =
      static_cast<std::uint64_t>(work.result.stats.prompt_tokens - work.result.stats.image_tokens);
  const EstimateOf estimate_of = [&](const Fitting& fitting) {
    return estimate({.pictures = sizes,
                     .text_tokens = text_tokens,
                     .max_tokens = static_cast<std::uint64_t>(work.max_tokens),
                     .kv_type = kv_type_of(fitting.kv_bits),
                     .prefill_chunk = static_cast<std::uint64_t>(fitting.prefill_chunk),
                     .memory = tensor::memory_model(config_.number_bytes)},
                    config_, processor_for(fitting.max_pixels));
  };
  work.fitting = fit(asked, limits, estimate_of, [&](const budget::TagBytes& bytes) {
    return host_->could_fit(place_, bytes);
  });
  if (work.fitting.max_pixels != asked.max_pixels) prompt_with(work.fitting.max_pixels);
  const std::int64_t whole = default_size ? largest_picture(sizes, 0) : limits.largest_picture;
  if (limits.largest_picture < whole) {
    work.result.reductions.push_back(
        {"max_pixels", whole, limits.largest_picture, ReductionReason::kDefaultSize});
  }
  work.result.reductions.insert(work.result.reductions.end(), work.fitting.reductions.begin(),
                                work.fitting.reductions.end());
  work.memory = estimate_of(work.fitting);
  const GenerationMemory& memory = work.memory;
  work.result.stats.predicted_memory = {memory.preprocess.total(), memory.vision.total(),
                                        memory.prefill.total(), memory.decode.total(),
                                        memory.decode[budget::Tag::kKv]};
  return host_->admit(place_, memory.largest(), advice(!sizes.empty(), work.max_tokens), work.stop,
                      request.images_lease);
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
    const auto& ends = generation_config_.eos_token_ids;
    return std::find(ends.begin(), ends.end(), id) != ends.end();
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

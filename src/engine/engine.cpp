#include "engine/engine.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/language.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "engine/continuation.h"
#include "engine/estimate.h"
#include "engine/stopping.h"
#include "engine/stopwatch.h"
#include "tensor/device.h"
#include "text/detokenizer.h"

namespace oko::engine {

namespace qwen = models::qwen3_vl;

namespace {

/// Share of the time to the first token that the vision tower is taken for, where there are
/// pictures.
constexpr double kVisionShare = 0.7;

tensor::cpu::KvType kv_type_of(int bits) {
  switch (bits) {
    case 8:
      return tensor::cpu::KvType::kInt8;
    case 16:
      return tensor::cpu::KvType::kFloat16;
    case 32:
      return tensor::cpu::KvType::kFloat32;
    default:
      throw Error(ErrorCode::kUsage,
                  tr("the KV cache cannot have {} bits", "KV-кэш не может быть {}-битным", bits),
                  tr("use 8, 16 or 32", "укажите 8, 16 или 32"));
  }
}

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

struct Engine::Work {
  const GenerationRequest& request;
  const TextSink& on_text;
  const ProgressSink& on_progress;
  std::stop_token stop;
  std::vector<qwen::Patches> patches;
  text::ChatPrompt prompt;
  std::vector<qwen::ImageFeatures> features;
  std::optional<qwen::Sequence> sequence;
  std::vector<float> logits;
  GenerationResult result;
  Stopwatch since_start;
  budget::PeakSampler sampler = {};
  std::uint64_t private_before = budget::private_bytes() - bytes_of(request.images);

  /// Gives back what belongs to MLX, on the engine thread.
  void release() {
    sequence.reset();
    features.clear();
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
      image_cache_(options_.image_cache_bytes),
      thread_(options_.threads) {}

Engine::~Engine() {
  // MLX's arrays are given back by the thread that made them.
  thread_.run([this] {
    image_cache_.clear();
    model_.reset();
  });
}

GenerationResult Engine::generate(const GenerationRequest& request, const TextSink& on_text,
                                  std::stop_token stop, const ProgressSink& on_progress) {
  validate(request.sampling);
  if (request.max_tokens < 1) {
    throw Error(ErrorCode::kUsage,
                tr("max_tokens is {}, expected at least 1",
                   "max_tokens — {}, ожидается не меньше 1", request.max_tokens));
  }
  kv_type_of(request.kv_bits);  // refused here, before any work
  Work work{request, on_text, on_progress, std::move(stop), {}, {}, {}, {}, {}, {}, {}};
  qwen::ImageProcessorConfig processor = image_processor_;
  if (request.max_pixels > 0) {
    processor.max_pixels = std::min(processor.max_pixels, request.max_pixels);
    processor.min_pixels = std::min(processor.min_pixels, processor.max_pixels);
  }
  prepare(work, processor);
  thread_.run([&] {
    const std::unique_ptr<Work, decltype([](Work* w) { w->release(); })> release(&work);
    encode_images(work);
    read_prompt(work);
    write_answer(work);
  });
  work.result.stats.peak_private_bytes = work.sampler.peak_bytes();
  return std::move(work.result);
}

void Engine::prepare(Work& work, const qwen::ImageProcessorConfig& processor) const {
  GenerationStats& stats = work.result.stats;
  std::vector<qwen::ImageSize> sizes;
  std::vector<int> token_counts;
  for (const image::Image& image : work.request.images) {
    sizes.push_back({image.width, image.height});
    token_counts.push_back(qwen::merged_tokens(sizes.back(), processor));
    stats.image_tokens += token_counts.back();
  }
  work.prompt = text::apply_chat_template(tokenizer_, work.request.messages, token_counts);
  stats.prompt_tokens = static_cast<int>(work.prompt.ids.size());
  const GenerationMemory memory =
      estimate({.pictures = sizes,
                .text_tokens = static_cast<std::uint64_t>(stats.prompt_tokens - stats.image_tokens),
                .max_tokens = static_cast<std::uint64_t>(work.request.max_tokens),
                .kv_type = kv_type_of(work.request.kv_bits)},
               config_, processor);
  stats.predicted_memory = {memory.preprocess.total(), memory.vision.total(),
                            memory.prefill.total(), memory.decode.total()};
  const Stopwatch preprocess;
  for (const image::Image& image : work.request.images) {
    work.patches.push_back(qwen::preprocess(image, processor));
  }
  stats.preprocess_seconds = preprocess.seconds();
  stats.memory.preprocess = work.take_peak();
}

void Engine::encode_images(Work& work) {
  GenerationStats& stats = work.result.stats;
  const Stopwatch load;
  if (model_ == nullptr) {
    model_ = qwen::Model::load(options_.vision_language_model);
    stats.load_seconds = load.seconds();
  }
  const Stopwatch vision;
  for (std::size_t i = 0; i < work.patches.size(); ++i) {
    const ImageCache::Key key = ImageCache::key_of(work.patches[i]);
    if (const qwen::ImageFeatures* cached = image_cache_.find(key)) {
      work.features.push_back(*cached);
      ++stats.cached_images;
    } else {
      work.features.push_back(model_->encode_image(std::move(work.patches[i]), work.stop));
      image_cache_.put(key, work.features.back());
    }
    work.patches[i] = {};
    work.report(kVisionShare * static_cast<double>(i + 1) /
                static_cast<double>(work.patches.size()));
  }
  tensor::release_spare_memory();  // the tower's arrays are larger than any to come
  stats.vision_seconds = vision.seconds();
  stats.memory.vision = work.take_peak();
}

void Engine::read_prompt(Work& work) {
  const std::vector<std::int32_t>& ids = work.prompt.ids;
  const Stopwatch prefill;
  const int expected = std::min(work.request.max_tokens, kAnswerReserve);
  work.sequence.emplace(*model_,
                        qwen::SequenceOptions{.reserve = static_cast<int>(ids.size()) + expected,
                                              .kv_type = kv_type_of(work.request.kv_bits)});
  const double done = work.patches.empty() ? 0.0 : kVisionShare;
  work.logits = work.sequence->prefill(ids, work.features, work.stop, [&](std::size_t tokens) {
    work.report(done + (1 - done) * static_cast<double>(tokens) / static_cast<double>(ids.size()));
  });
  work.result.stats.prefill_seconds = prefill.seconds();
  tensor::release_spare_memory();  // likewise: a token's arrays are small
  work.result.stats.memory.prefill = work.take_peak();
}

void Engine::write_answer(Work& work) {
  GenerationStats& stats = work.result.stats;
  Sampler sampler(work.request.sampling, work.prompt.ids);
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
  Continuation continuation(*work.sequence, work.prompt.ids, std::move(work.logits),
                            work.request.lookup);
  while (stats.generated_tokens < work.request.max_tokens) {
    if (work.stop.stop_requested()) {
      throw Error(ErrorCode::kCancelled, tr("stopped", "остановлено"));
    }
    const std::int32_t id = sampler.sample(continuation.logits());
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
    if (stats.generated_tokens < work.request.max_tokens) continuation.accept(id);
  }
  stats.decode_seconds = decode.seconds();
  show(stops.push(detokenizer.flush()));
  show(stops.flush());
  stats.drafted_tokens = continuation.drafted_tokens();
  stats.accepted_drafts = continuation.accepted_drafts();
  stats.kv_cache_bytes = work.sequence->cache_bytes();
  stats.memory.decode = work.take_peak();
}

}  // namespace oko::engine

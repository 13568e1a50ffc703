#include "testing/benchmark_pass.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "engine/device_decoder.h"
#include "engine/stopwatch.h"
#include "models/bge_m3/memory_estimate.h"
#include "models/bge_m3/model.h"
#include "models/qwen3_vl/memory_estimate.h"
#include "models/qwen3_vl/sequence.h"
#include "tensor/device.h"

namespace oko::testing {

namespace bge = models::bge_m3;
namespace qwen = models::qwen3_vl;

namespace {

constexpr int kDecodePrompt = 16;  // tokens before the timed ones, or of the warm-up

std::vector<std::int32_t> some_tokens(int count, int vocab_size) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  std::int32_t next = 13;
  for (std::int32_t& id : ids)
    id = std::exchange(next, (next + 7919) % std::min(vocab_size, 100'000));
  return ids;
}

class QwenPass : public BenchmarkPass {
 public:
  QwenPass(const BenchmarkOptions& options, StopToken stop)
      : options_(options), stop_(std::move(stop)), model_(qwen::Model::load(options.model)) {}

  double seconds() const override {
    switch (options_.kind) {
      case BenchmarkKind::kDecode:
        return decode();
      case BenchmarkKind::kPrefill:
        return prefill();
      case BenchmarkKind::kVision:
        return see();
      case BenchmarkKind::kEmbed:
        break;  // not of this model
    }
    return 0;
  }

  void warm_up() const override {
    if (options_.kind != BenchmarkKind::kPrefill) return;
    const auto ids = text_tokens(kDecodePrompt);
    qwen::Sequence(*model_, {.initial_capacity = kDecodePrompt}).prefill(ids, {}, stop_);
  }

  std::uint64_t predicted_memory() const override {
    const qwen::Config& config = model_->config();
    const tensor::MemoryModel memory = tensor::memory_model(config.number_bytes);
    if (options_.kind == BenchmarkKind::kVision) {
      return qwen::vision_bytes(config.vision, patches(), memory);
    }
    const std::uint64_t prompt =
        options_.kind == BenchmarkKind::kDecode ? kDecodePrompt : options_.tokens;
    const std::uint64_t total =
        options_.kind == BenchmarkKind::kDecode ? prompt + options_.tokens : prompt;
    return std::max(qwen::prefill_bytes(config.text, prompt, qwen::kPrefillChunk, memory),
                    qwen::decode_bytes(config.text, total, memory)) +
           qwen::kv_bytes(config.text, total, total, tensor::cpu::KvType::kFloat16, memory);
  }

  void describe(BenchmarkResult& result) const override {
    const bool decoding = options_.kind == BenchmarkKind::kDecode;
    const bool seeing = options_.kind == BenchmarkKind::kVision;
    const int passes = decoding ? options_.tokens : 1;
    const models::PassCost cost = seeing ? model_->cost_of_picture(patches())
                                         : model_->cost_of_tokens(decoding ? 1 : options_.tokens);
    result.units = seeing ? 1 : options_.tokens;
    result.weight_bytes = static_cast<double>(cost.weight_bytes) * passes;
    result.flops = 2.0 * static_cast<double>(cost.multiply_adds) * passes;
  }

 private:
  int patches() const {
    const int side = options_.side / model_->config().vision.patch_size;
    return side * side;
  }

  /// Random tokens without image tokens.
  std::vector<std::int32_t> text_tokens(int count) const {
    auto ids = some_tokens(count, model_->config().text.vocab_size);
    std::replace(ids.begin(), ids.end(), model_->config().image_token_id, 0);
    return ids;
  }

  double decode() const {
    const auto ids = text_tokens(kDecodePrompt + options_.tokens);
    qwen::Sequence sequence(*model_, {.initial_capacity = static_cast<int>(ids.size())});
    const tensor::mx::array logits =
        sequence.read_prompt(std::span(ids).first(kDecodePrompt), {}, stop_);
    if (tensor::uses_graph()) return decode_on_device(sequence, logits);
    const engine::Stopwatch watch;
    for (const std::int32_t id : std::span(ids).subspan(kDecodePrompt)) {
      throw_if_stopped(stop_);
      sequence.decode(id);
    }
    return watch.seconds();
  }

  /// Decodes like an answer: the most likely tokens, each submitted before the last one is read.
  double decode_on_device(qwen::Sequence& sequence, const tensor::mx::array& logits) const {
    const engine::Stopwatch watch;
    engine::DeviceDecoder decoder(logits, {}, options_.tokens + 1);
    for (int i = 0; i <= options_.tokens; ++i) {
      throw_if_stopped(stop_);
      if (decoder.wants_logits()) decoder.observe(sequence.decode(decoder.input()));
      decoder.read();
    }
    return watch.seconds();
  }

  double prefill() const {
    const auto ids = text_tokens(options_.tokens);
    qwen::Sequence sequence(*model_, {.initial_capacity = options_.tokens});
    const engine::Stopwatch watch;
    sequence.prefill(ids, {}, stop_);
    return watch.seconds();
  }

  double see() const {
    const qwen::VisionConfig& vision = model_->config().vision;
    const int side = options_.side / vision.patch_size;
    qwen::Patches picture{{1, side, side}, vision.spatial_merge_size, {}};
    picture.pixel_values.resize(static_cast<std::size_t>(
        std::int64_t{patches()} * vision.in_channels * vision.temporal_patch_size *
        vision.patch_size * vision.patch_size));
    for (std::size_t i = 0; i < picture.pixel_values.size(); ++i) {
      picture.pixel_values[i] = static_cast<float>(i * 7919 % 511) / 255.0f - 1.0f;
    }
    const engine::Stopwatch watch;
    model_->encode_image(std::move(picture), stop_);
    return watch.seconds();
  }

  const BenchmarkOptions& options_;
  StopToken stop_;
  std::unique_ptr<qwen::Model> model_;
};

class EmbedPass : public BenchmarkPass {
 public:
  EmbedPass(const BenchmarkOptions& options, StopToken stop)
      : stop_(std::move(stop)), model_(bge::Model::load(options.model)) {
    const bge::Config& config = model_->config();
    if (options.tokens > config.max_tokens()) {
      throw Error(ErrorCode::kUsage,
                  tr("tokens is {}, the model reads {}", "tokens — {}, модель читает {}",
                     options.tokens, config.max_tokens()));
    }
    for (int i = 0; i < options.texts; ++i) {
      const auto ids = some_tokens(options.tokens, config.vocab_size);
      texts_.ids.insert(texts_.ids.end(), ids.begin(), ids.end());
      texts_.cu_seqlens.push_back(static_cast<int>(texts_.ids.size()));
    }
  }

  void warm_up() const override {
    model_->encode({{texts_.ids.begin(), texts_.ids.begin() + 1}, {0, 1}}, {}, stop_);
  }

  double seconds() const override {
    const engine::Stopwatch watch;
    model_->encode(texts_, {}, stop_);
    return watch.seconds();
  }

  std::uint64_t predicted_memory() const override {
    const bge::Config& config = model_->config();
    return bge::pass_bytes(config, texts_.ids.size(), {},
                           tensor::memory_model(config.number_bytes));
  }

  void describe(BenchmarkResult& result) const override {
    const models::PassCost cost = model_->cost_of(texts_.ids.size());
    result.units = static_cast<int>(texts_.ids.size());
    result.weight_bytes = static_cast<double>(cost.weight_bytes);
    result.flops = 2.0 * static_cast<double>(cost.multiply_adds);
  }

 private:
  StopToken stop_;
  std::unique_ptr<bge::Model> model_;
  bge::PackedTexts texts_{{}, {0}};
};

}  // namespace

std::unique_ptr<BenchmarkPass> make_pass(const BenchmarkOptions& options, StopToken stop) {
  if (options.kind == BenchmarkKind::kEmbed) {
    return std::make_unique<EmbedPass>(options, std::move(stop));
  }
  return std::make_unique<QwenPass>(options, std::move(stop));
}

}  // namespace oko::testing

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "engine/generation.h"
#include "engine/image_cache.h"
#include "engine/model_thread.h"
#include "models/qwen3_vl/generation_config.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/model.h"
#include "text/tokenizer.h"

namespace oko::engine {

struct EngineOptions {
  std::filesystem::path vision_language_model;  ///< folder of a Qwen3-VL model
  std::size_t image_cache_bytes =
      256 * 1024 * 1024;    ///< features of pictures kept for later questions
  std::size_t threads = 0;  ///< of the CPU kernels; 0: one a physical core
};

/// Runs the models on one thread that owns MLX. Callers' threads prepare: they decode, resize and
/// tokenize. Any thread may call; requests are worked off one by one.
class Engine {
 public:
  /// Reads the model's small files: tokenizer, configs. The weights are mapped by the first
  /// request. Throws kBadModel.
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Answers a conversation. Throws kCancelled once `stop` is requested (text shown so far has gone
  /// to `on_text`), kUsage for options out of range, kBadInput for pictures and messages that do
  /// not fit, kBadModel.
  GenerationResult generate(const GenerationRequest& request, const TextSink& on_text = {},
                            std::stop_token stop = {}, const ProgressSink& on_progress = {});

  /// What the model's makers advise.
  const models::qwen3_vl::GenerationConfig& generation_config() const { return generation_config_; }

  /// Tokens of `text` as it stands.
  std::size_t count_tokens(std::string_view text) const { return tokenizer_.encode(text).size(); }

 private:
  struct Work;  ///< one request on its way through the engine thread

  void prepare(Work& work, const models::qwen3_vl::ImageProcessorConfig& processor) const;
  void encode_images(Work& work);
  void read_prompt(Work& work);
  void write_answer(Work& work);

  EngineOptions options_;
  models::qwen3_vl::Config config_;
  text::Tokenizer tokenizer_;
  models::qwen3_vl::ImageProcessorConfig image_processor_;
  models::qwen3_vl::GenerationConfig generation_config_;

  // Touched by the engine thread only.
  std::unique_ptr<models::qwen3_vl::Model> model_;
  ImageCache image_cache_;

  ModelThread thread_;
};

}  // namespace oko::engine

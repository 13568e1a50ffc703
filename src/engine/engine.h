#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "engine/estimate.h"
#include "engine/fitting.h"
#include "engine/generation.h"
#include "engine/image_cache.h"
#include "engine/model_host.h"
#include "models/qwen3_vl/generation_config.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/model.h"
#include "tensor/weights.h"
#include "text/tokenizer.h"

namespace oko::engine {

/// Tokens of a text that come before smaller pictures where not all fits.
inline constexpr int kLeastText = 512;

/// Room for text in a prompt.
struct TextRoom {
  std::size_t tokens = 0;
  bool is_short_of_memory = false;  ///< the budget ends it, not the model's positions
};

struct EngineOptions {
  std::filesystem::path vision_language_model;  ///< folder of a Qwen3-VL model
  std::size_t image_cache_bytes =
      256 * 1024 * 1024;    ///< features of pictures kept for later questions
  std::size_t threads = 0;  ///< of the CPU kernels, without a host; 0: one a physical core
  std::int64_t graph_pixels = kGraphPixels;  ///< see GenerationRequest::max_pixels
  /// Called once the small files are read, before the weights are measured: aligns them.
  std::function<void()> prepare_weights = {};
  /// Whose budget and thread this takes; null: a host of its own without a limit.
  std::shared_ptr<ModelHost> host = {};
};

/// Describes and talks, on the host's thread. Callers' threads prepare: they resize and tokenize.
/// Any thread may call; requests are worked off one by one, each admitted by the host before it
/// takes memory, and worked on with less where it would not fit (see `fit`).
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
  /// not fit, kOverBudget, kBadModel.
  GenerationResult generate(const GenerationRequest& request, const TextSink& on_text = {},
                            const StopToken& stop = {}, const ProgressSink& on_progress = {});

  /// Tokens that the text of `request` may grow by: what the model's positions and the budget leave
  /// with the rest as it is asked for, and kLeastText even where the request is then worked on with
  /// less. At least half of the positions left stay for the answer.
  TextRoom text_room(const GenerationRequest& request) const;

  /// The least memory with which `request` would be answered, were its pictures of these sizes:
  /// bytes of the model and the work, without what the host keeps beside them.
  std::uint64_t least_bytes(const GenerationRequest& request,
                            const std::vector<models::qwen3_vl::ImageSize>& sizes) const;

  /// What the user can change about `request` so that it takes `bytes`, counted likewise.
  /// `budget_bytes` of the result are `least_bytes`.
  Knobs knobs_for(const GenerationRequest& request,
                  const std::vector<models::qwen3_vl::ImageSize>& sizes, std::uint64_t bytes) const;

  /// What the model's makers advise.
  const models::qwen3_vl::GenerationConfig& generation_config() const { return generation_config_; }

  /// Tokens of `text` as it stands.
  std::size_t count_tokens(std::string_view text) const { return tokenizer_.encode(text).size(); }

 private:
  struct Work;  ///< one request on its way through the engine thread
  struct Asked;
  struct Prepared;

  /// What the host loads and unloads. Touched by its thread.
  struct Loaded : LoadableModel {
    explicit Loaded(const EngineOptions& options);
    void load() override;
    void unload() noexcept override;
    bool is_current() const override { return model->is_current(); }

    std::filesystem::path folder;
    std::uint64_t weight_bytes = 0;  ///< of the files
    std::uint64_t copied_bytes = 0;  ///< that a load takes beyond them
    std::unique_ptr<models::qwen3_vl::Model> model;
    double load_seconds = 0;  ///< of a load that no request has reported yet
    ImageCache image_cache;
  };

  void check_processor() const;
  models::qwen3_vl::ImageProcessorConfig processor_for(std::int64_t max_pixels) const;
  std::int64_t largest_picture(const std::vector<models::qwen3_vl::ImageSize>& sizes,
                               std::int64_t max_pixels) const;
  int answer_tokens(const GenerationRequest& request, int prompt_tokens) const;
  Asked asked_of(const GenerationRequest& request,
                 std::vector<models::qwen3_vl::ImageSize> sizes) const;
  Prepared prepare(const GenerationRequest& request,
                   const std::vector<models::qwen3_vl::ImageSize>& sizes) const;
  Knobs knobs_for(const Prepared& prepared, std::uint64_t bytes) const;
  text::ChatPrompt prompt_of(const GenerationRequest& request, const Asked& asked,
                             std::int64_t max_pixels, int& image_tokens) const;
  GenerationMemory estimate_of(const Asked& asked, std::uint64_t text_tokens, int max_tokens,
                               const Fitting& fitting) const;
  std::unique_ptr<ModelLease> admit(Work& work);
  void preprocess(Work& work) const;
  void encode_images(Work& work);
  void read_prompt(Work& work);
  void write_answer(Work& work);

  EngineOptions options_;
  models::qwen3_vl::Config config_;
  text::Tokenizer tokenizer_;
  models::qwen3_vl::ImageProcessorConfig image_processor_;
  models::qwen3_vl::GenerationConfig generation_config_;
  text::ChatStyle chat_style_;
  std::vector<std::int32_t> end_tokens_;

  std::shared_ptr<ModelHost> host_;
  Loaded loaded_;
  ModelRegistration registration_;  // last: it unloads
};

}  // namespace oko::engine

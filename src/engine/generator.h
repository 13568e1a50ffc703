#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "engine/answer_forms.h"
#include "engine/answer_stream.h"
#include "engine/generation.h"
#include "engine/generation_planner.h"
#include "engine/generator_model.h"
#include "engine/model_host.h"
#include "engine/scheduler.h"
#include "models/qwen3_vl/generation_config.h"
#include "tensor/buffer_phases.h"
#include "text/tokenizer.h"

namespace oko::engine {

struct GenerationTask;

struct GeneratorOptions {
  std::filesystem::path vision_language_model;  ///< folder of a Qwen3-VL model
  /// Features of pictures, kept for later questions while memory is free; 0: none.
  std::size_t image_cache_bytes = 256 * 1024 * 1024;
  /// Keys and values of texts, kept for prompts with the same beginning if the budget has room, and
  /// evicted first; 0: none.
  std::size_t prefix_cache_bytes = 0;
  std::size_t threads = 0;  ///< of the CPU kernels, without a host; 0: one a physical core
  std::int64_t graph_pixels = kGraphPixels;  ///< see GenerationRequest::max_pixels
  /// Number of requests that run at once, at least 1; more wait. With oko's kernels and up to 8
  /// tokens a pass, answers are bitwise equal to those of each request alone.
  std::size_t max_sequences = 8;
  std::size_t max_requests = 256;  ///< limit of requests that run or wait; more are refused
  /// Called once the small files are read, before the weights are measured: aligns them.
  std::function<void()> prepare_weights = {};
  /// The host whose budget and thread it uses; null: its own, without a limit.
  std::shared_ptr<ModelHost> host = {};
};

/// A submitted request. Its destructor cancels it; the request ends, and releases its memory, at
/// its next step.
class GenerationHandle {
 public:
  explicit GenerationHandle(std::shared_ptr<AnswerStream> answer) : answer_(std::move(answer)) {}
  GenerationHandle(GenerationHandle&&) = default;
  GenerationHandle& operator=(GenerationHandle&& other) noexcept;
  ~GenerationHandle() { cancel(); }

  /// Waits for more of the answer. Nothing if `stop` is requested first; that does not cancel.
  std::optional<AnswerUpdate> next(const StopToken& stop = {}) { return answer_->next(stop); }

  /// Waits for the end; call once. Throws kCancelled after `cancel`, kBadModel, kFailed.
  GenerationResult wait() { return answer_->wait(); }

  void cancel() {
    if (answer_ != nullptr) answer_->request_stop();
  }

 private:
  std::shared_ptr<AnswerStream> answer_;
};

/// Runs a vision-language model. Callers' threads preprocess: they resize and tokenize. The host's
/// thread runs up to `max_sequences` requests at once, in steps: a picture, a prompt chunk of one
/// request or the ends of several prompts, in turn with a token of every answer, all in one pass.
/// Any thread may call.
class Generator : private StepSource {
 public:
  /// Reads the model's small files: tokenizer, configs. The weights are mapped by the first
  /// request. Throws kBadModel.
  explicit Generator(GeneratorOptions options);
  ~Generator() override;  ///< cancels unfinished requests
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  /// Submits a conversation. Waits until the memory is free, on the caller's thread, and reduces
  /// the request if it would not fit (see `reduce_to_fit`). Throws kCancelled if `stop` is
  /// requested before it returns; kUsage for options out of range; kBadInput for messages that do
  /// not fit their pictures; kTooLarge beyond the model's context; kBusy beyond `max_requests`;
  /// kOverBudget.
  GenerationHandle submit(GenerationRequest request, const StopToken& stop = {});

  /// Submits and waits. Calls the sinks on the caller's thread. Throws as `submit`,
  /// GenerationHandle::wait and the sinks; kCancelled once `stop` is requested (`on_text` has got
  /// the text so far).
  GenerationResult generate(GenerationRequest request, const TextSink& on_text = {},
                            const StopToken& stop = {}, const ProgressSink& on_progress = {});

  /// Room for more text in `request`, in tokens: as the model's positions and the budget allow with
  /// the rest as requested, and at least kLeastText, even if that reduces the request. At least
  /// half of the remaining positions stay for the answer.
  TextRoom text_room(const GenerationRequest& request) const;

  /// The least memory for `request` with pictures of these sizes: bytes of the model and the work,
  /// without the fixed overhead of the host.
  std::uint64_t least_bytes(const GenerationRequest& request,
                            const std::vector<models::qwen3_vl::ImageSize>& sizes) const;

  /// The knobs of `request` that make it take `bytes`, counted in the same way.
  /// `budget_bytes` of the result are `least_bytes`.
  Knobs knobs_for(const GenerationRequest& request,
                  const std::vector<models::qwen3_vl::ImageSize>& sizes, std::uint64_t bytes) const;

  /// What GenerationRequest::form is made by.
  AnswerForms& answer_forms() { return answer_forms_; }

  /// True for a model that thinks before it answers, or may do so.
  bool thinks() const { return thoughts_.has_value(); }

  /// Tokens of prompt and answer together that the model knows positions for.
  int max_context() const { return planner_.config().text.max_position_embeddings; }

  /// The generation settings that the model recommends.
  const models::qwen3_vl::GenerationConfig& generation_config() const { return generation_config_; }

  /// True while the model's weights are in memory.
  bool is_loaded() const { return registration_.is_resident(); }

  /// Tokens of the prompt of `request`, those of its pictures included. Throws as `submit`.
  std::size_t count_prompt_tokens(const GenerationRequest& request) const;

  /// Number of tokens of `text`.
  std::size_t count_tokens(std::string_view text) const { return tokenizer_.encode(text).size(); }

 private:
  using TaskPointer = std::unique_ptr<GenerationTask>;

  // On the caller's thread.
  std::shared_ptr<void> count_request();
  std::unique_ptr<ModelLease> admit(GenerationTask& task, const StopToken& stop);
  void preprocess(GenerationTask& task) const;

  // On the model thread.
  bool step() noexcept override;
  void begin_submitted();
  void begin(TaskPointer task);
  void end_stopped();
  void end_all() noexcept;
  /// The next task, in turn, with a picture or a prompt to read; null: none.
  GenerationTask* next_reading();
  void read(GenerationTask& task);
  /// Starts a task from the cached prefix of its prompt, whose pictures need not be encoded.
  void resume(GenerationTask& task);
  void encode_next_image(GenerationTask& task);
  std::vector<tensor::mx::array> read_chunks(std::span<const models::qwen3_vl::PromptChunk> chunks,
                                             const StopToken& stop) const;
  void read_prompts(const std::vector<GenerationTask*>& tasks);
  void begin_answer(GenerationTask& task, const tensor::mx::array& logits);
  void decode();
  bool choose_on_host(GenerationTask& task);
  /// Takes the next token of the answer. Returns false if the answer has ended.
  bool push(GenerationTask& task, std::int32_t id);
  void read_on_host(const std::vector<GenerationTask*>& tasks);
  void decode_on_device(const std::vector<GenerationTask*>& tasks);
  void run_together(const std::vector<GenerationTask*>& tasks,
                    void (Generator::*pass)(const std::vector<GenerationTask*>&));
  void keep_prefix(GenerationTask& task);
  void finish(GenerationTask& task);
  /// Removes the task from the active ones; `error` null: its result stands.
  void end(GenerationTask& task, std::exception_ptr error);
  /// The workspace that the active tasks, all but `except`, have reserved together.
  std::uint64_t workspace_bytes(const GenerationTask* except = nullptr) const;
  /// Notifies the callers of ended requests, after all their memory is released.
  void tell_ended();
  void bound_buffers();

  GeneratorOptions options_;
  GenerationPlanner planner_;  ///< first: it reads which architecture the model has
  text::Tokenizer tokenizer_;
  models::qwen3_vl::GenerationConfig generation_config_;
  std::vector<std::int32_t> end_tokens_;
  std::optional<ThoughtTokens> thoughts_;

  std::shared_ptr<ModelHost> host_;
  GeneratorModel loaded_;
  ModelRegistration registration_;
  AnswerForms answer_forms_;

  std::atomic<std::size_t> requests_{0};  ///< that run or wait

  Mutex mutex_;
  std::list<TaskPointer> submitted_ OKO_GUARDED_BY(mutex_);

  // Used by the model thread only.
  std::list<TaskPointer> tasks_;  ///< active; the one that reads next is before others
  bool is_reads_turn_ = true;     ///< a picture or a chunk goes before the next token
  std::vector<std::pair<TaskPointer, std::exception_ptr>> ended_;  ///< in this step; null: done
  std::shared_ptr<WiredMemory> wired_;
  std::optional<tensor::BufferPhases> buffers_;
  std::uint64_t buffer_bytes_ = 0;
};

}  // namespace oko::engine

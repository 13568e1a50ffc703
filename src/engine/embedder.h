#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "engine/model_host.h"
#include "engine/model_session.h"
#include "models/bge_m3/model.h"
#include "tensor/weights.h"
#include "text/xlmr_tokenizer.h"

namespace oko::engine {

struct EmbedderOptions {
  std::filesystem::path model;  ///< folder of a BGE-M3 model, or of a sentence-transformers encoder
  std::size_t threads = 0;      ///< of the CPU kernels, without a host; 0: one a physical core
  /// Called once the small files are read, before the weights are measured: aligns them.
  std::function<void()> prepare_weights = {};
  /// The host whose budget and thread it uses; null: its own, without a limit.
  std::shared_ptr<ModelHost> host = {};
};

struct EmbeddingRequest {
  std::vector<std::string> texts = {};  ///< UTF-8; ill-formed bytes are read as U+FFFD
  models::bge_m3::Outputs outputs = {};
  /// Text put before each one; none: that of the model (config_sentence_transformers.json).
  std::optional<std::string> prompt = {};
  bool measure_memory = false;  ///< fills EmbeddingStats::memory and peak_private_bytes
  int max_tokens = 0;  ///< of a text, special ones included, 3..; 0: as many as the model reads
  /// Of all requests of the caller, by `budget_for`: a refusal names it if this one does not need
  /// more, and no other way out. 0: the caller may shorten its texts or divide them.
  std::uint64_t least_budget = 0;
};

/// Budgets with room for a request and its model.
struct EmbeddingBudget {
  std::uint64_t least = 0;
  std::uint64_t fast = 0;  ///< for passes as large as are good for the kernels
};

/// Times in seconds. Measured memory is that of the process: what other requests take or free at
/// the same time is included.
struct EmbeddingStats {
  double load_seconds = 0;  ///< mapping the model, if this request was its first
  double tokenize_seconds = 0;
  double encode_seconds = 0;
  std::size_t tokens = 0;                 ///< of all texts, as far as they were read
  std::uint64_t copied_weight_bytes = 0;  ///< of the model, private memory (Weights::copied_bytes)
  std::uint64_t peak_private_bytes = 0;   ///< of the process, during the request
  std::uint64_t mlx_peak_bytes = 0;       ///< in MLX's buffers; on a GPU weights are such buffers
  std::uint64_t mlx_memory = 0;           ///< of them, above those at the start
  std::uint64_t predicted_memory = 0;     ///< bytes, before anything was allocated
  std::uint64_t memory = 0;               ///< peak, above the memory of the process at the start
};

/// The result for one text.
struct TextEmbedding {
  models::bge_m3::Encoding encoding;
  std::size_t tokens = 0;        ///< read
  std::size_t total_tokens = 0;  ///< of the text: more if it was cut
};

struct EmbeddingResult {
  std::vector<TextEmbedding> texts;  ///< in the order of the request
  EmbeddingStats stats;
};

/// Runs an embedding model on the host's thread. Any thread may call; the host admits each request
/// before it takes memory. Texts are sorted by their length and packed into passes of a few
/// thousand tokens; between two passes others have their steps.
class Embedder {
 public:
  /// Reads the model's small files. The weights are mapped by the first request. Throws kBadModel.
  explicit Embedder(EmbedderOptions options);
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  /// Throws kUsage for options out of range, kBadModel (outputs that the model does not have,
  /// damaged weights), kOverBudget, kCancelled once `stop` is requested. `on_progress` gets the
  /// share of tokens done, 0..1.
  EmbeddingResult embed(const EmbeddingRequest& request, StopToken stop = {},
                        const std::function<void(double)>& on_progress = {});

  /// For a request of so many texts, each of `tokens` with its prompt and the special ones.
  EmbeddingBudget budget_for(std::size_t texts, std::size_t tokens,
                             const models::bge_m3::Outputs& outputs) const;

  const text::XlmrTokenizer& tokenizer() const { return tokenizer_; }
  int max_tokens() const { return config_.max_tokens(); }
  const std::string& query_prompt() const { return config_.modules.query_prompt; }
  const std::string& passage_prompt() const { return config_.modules.passage_prompt; }
  /// True while the model's weights are in memory.
  bool is_loaded() const { return registration_.is_resident(); }

 private:
  struct Task;

  const std::string& prompt_of(const EmbeddingRequest& request) const;
  text::TokenizedText tokenized(const std::string& text, std::size_t limit) const;
  void require_room_after(const std::string& prompt, std::size_t limit) const;
  WorkMemory memory_of(const Task& task) const;
  LocalizedText hint_for(const Task& task) const;
  [[noreturn]] void refuse(const Task& task) const;
  std::unique_ptr<ModelLease> admit(Task& task);
  void encode(Task& task, const std::vector<std::size_t>& texts);

  EmbedderOptions options_;
  models::bge_m3::Config config_;
  text::XlmrTokenizer tokenizer_;
  std::shared_ptr<ModelHost> host_;
  ModelSession<models::bge_m3::Model> loaded_;
  ModelRegistration registration_;  // last: it unloads
};

}  // namespace oko::engine

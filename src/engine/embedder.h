#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/model_thread.h"
#include "models/bge_m3/model.h"
#include "text/xlmr_tokenizer.h"

namespace oko::engine {

struct EmbedderOptions {
  std::filesystem::path model;  ///< folder of a BGE-M3 model, or of a sentence-transformers encoder
  std::size_t threads = 0;      ///< of the CPU kernels; 0: one a physical core
};

struct EmbeddingRequest {
  std::vector<std::string> texts = {};  ///< UTF-8; ill-formed bytes are read as U+FFFD
  models::bge_m3::Outputs outputs = {};
  int max_tokens = 0;  ///< of a text, special ones included, 3..; 0: as many as the model reads
};

/// Times in seconds.
struct EmbeddingStats {
  double load_seconds = 0;  ///< mapping the model, where this request was its first
  double tokenize_seconds = 0;
  double encode_seconds = 0;
  std::size_t tokens = 0;                ///< of all texts, as far as they were read
  std::uint64_t peak_private_bytes = 0;  ///< of the process, during the request
};

/// Of one text.
struct TextEmbedding {
  models::bge_m3::Encoding encoding;
  std::size_t tokens = 0;        ///< that were read
  std::size_t total_tokens = 0;  ///< that the text has: more where it was cut
};

struct EmbeddingResult {
  std::vector<TextEmbedding> texts;  ///< in the order of the request
  EmbeddingStats stats;
};

/// Runs an embedding model on a thread of its own. Any thread may call; requests are worked off one
/// by one. Texts are sorted by their length and packed into passes of a few thousand tokens.
class Embedder {
 public:
  /// Reads the model's small files. The weights are mapped by the first request. Throws kBadModel.
  explicit Embedder(EmbedderOptions options);
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  /// Throws kUsage for options out of range, kBadModel (outputs that the model does not have,
  /// damaged weights), kCancelled once `stop` is requested. `on_progress` is told the share of
  /// tokens done, 0..1.
  EmbeddingResult embed(const EmbeddingRequest& request, std::stop_token stop = {},
                        const std::function<void(double)>& on_progress = {});

  const text::XlmrTokenizer& tokenizer() const { return tokenizer_; }
  int max_tokens() const { return config_.max_tokens(); }

 private:
  struct Work;
  void encode(Work& work);

  EmbedderOptions options_;
  models::bge_m3::Config config_;
  text::XlmrTokenizer tokenizer_;
  std::unique_ptr<models::bge_m3::Model> model_;  ///< touched by the model thread only
  ModelThread thread_;
};

}  // namespace oko::engine

#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "models/bge_m3/model.h"

namespace oko::tasks {

struct EmbedTextsOptions {
  models::bge_m3::Outputs outputs = {};
  /// Put before each text; none: the model's own prompt (config_sentence_transformers.json).
  std::optional<std::string> prompt = {};
  int max_tokens = 0;  ///< of a text, special ones included, 3..; 0: as many as the model reads
  bool measures_memory = false;  ///< fills the peaks of the statistics
};

/// Returns the next texts, UTF-8; nothing at the end. They are embedded together, and their vectors
/// are in memory at once. Called on the caller's thread, after the sink has got all earlier texts.
using TextBatches = std::function<std::optional<std::vector<std::string>>()>;

/// A text with its vectors.
struct EmbeddedText {
  std::size_t index = 0;  ///< among all texts, counted from 0
  std::string_view text;  ///< while the sink runs
  engine::TextEmbedding embedding;
  /// True for UTF-8 without NULs. The vectors of other text, such as UTF-16, may be wrong.
  bool is_plain_utf8 = true;
};

/// Takes the texts in order, on the thread that called `embed_texts`. An exception ends the work.
using EmbeddingSink = std::function<void(const EmbeddedText&)>;

/// Statistics of all batches: sums of times and tokens, maxima of peaks and memory.
struct EmbedTextsStats {
  std::size_t texts = 0;
  engine::EmbeddingStats total;
};

/// Embeds texts batch by batch. `on_progress` gets the done fraction of a batch, 0..1. Throws as
/// Embedder::embed, `next` and `sink`.
EmbedTextsStats embed_texts(engine::Embedder& embedder, const EmbedTextsOptions& options,
                            const TextBatches& next, const EmbeddingSink& sink,
                            const StopToken& stop,
                            const std::function<void(double)>& on_progress = {});

}  // namespace oko::tasks

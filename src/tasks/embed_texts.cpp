#include "tasks/embed_texts.h"

#include <algorithm>
#include <utility>

#include "base/text_escape.h"

namespace oko::tasks {
namespace {

void add(const engine::EmbeddingStats& batch, engine::EmbeddingStats& total) {
  const auto raise = [](auto& value, auto other) { value = std::max(value, other); };
  total.load_seconds += batch.load_seconds;
  total.tokenize_seconds += batch.tokenize_seconds;
  total.encode_seconds += batch.encode_seconds;
  total.tokens += batch.tokens;
  total.copied_weight_bytes = batch.copied_weight_bytes;
  raise(total.peak_private_bytes, batch.peak_private_bytes);
  raise(total.mlx_peak_bytes, batch.mlx_peak_bytes);
  raise(total.mlx_memory, batch.mlx_memory);
  raise(total.memory, batch.memory);
  raise(total.predicted_memory, batch.predicted_memory);
}

}  // namespace

EmbedTextsStats embed_texts(engine::Embedder& embedder, const EmbedTextsOptions& options,
                            const TextBatches& next, const EmbeddingSink& sink,
                            const StopToken& stop, const std::function<void(double)>& on_progress) {
  EmbedTextsStats stats;
  engine::EmbeddingRequest request;
  request.outputs = options.outputs;
  request.prompt = options.prompt;
  request.max_tokens = options.max_tokens;
  request.measure_memory = options.measures_memory;
  while (std::optional<std::vector<std::string>> texts = next()) {
    request.texts = *std::move(texts);
    engine::EmbeddingResult result = embedder.embed(request, stop, on_progress);
    for (std::size_t i = 0; i < result.texts.size(); ++i) {
      const std::string& text = request.texts[i];
      sink({stats.texts++, text, std::move(result.texts[i]), is_plain_utf8(text)});
    }
    add(result.stats, stats.total);
  }
  return stats;
}

}  // namespace oko::tasks

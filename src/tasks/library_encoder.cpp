#include "tasks/library_encoder.h"

#include <limits>
#include <utility>

#include "index/language_direction.h"
#include "text/chunker.h"

namespace oko::tasks {

using models::bge_m3::Encoding;
using models::bge_m3::Outputs;

engine::EmbeddingBudget budget_for_passages(const engine::Embedder& embedder,
                                            const std::string& prefix, const Outputs& outputs) {
  const std::size_t of_prefix =
      embedder.tokenizer().encode(prefix, std::numeric_limits<std::size_t>::max()).total;
  return embedder.budget_for(kMostPassages, text::ChunkOptions{}.max_tokens + of_prefix, outputs);
}

std::uint64_t LibraryEncoder::least_budget(const Outputs& outputs) const {
  return budget_for_passages(embedder_, model_.passage_prefix, outputs).least;
}

std::vector<Encoding> LibraryEncoder::passages(std::vector<std::string> texts,
                                               const StopToken& stop) {
  return encode(std::move(texts), all_outputs(), model_.passage_prefix, least_budget(all_outputs()),
                stop);
}

std::vector<Encoding> LibraryEncoder::dense_passages(std::vector<std::string> texts,
                                                     const StopToken& stop) {
  return encode(std::move(texts), {}, model_.passage_prefix, least_budget({}), stop);
}

std::vector<Encoding> LibraryEncoder::queries(std::vector<std::string> texts,
                                              const StopToken& stop) {
  return queries(std::move(texts), all_outputs(), stop);
}

std::vector<Encoding> LibraryEncoder::queries(std::vector<std::string> texts,
                                              const Outputs& outputs, const StopToken& stop) {
  std::vector<Encoding> encodings =
      encode(std::move(texts), outputs, model_.query_prefix, least_budget({}), stop);
  for (Encoding& each : encodings) {
    if (!each.dense.empty()) index::remove_direction(each.dense, model_.language_direction);
  }
  return encodings;
}

Outputs LibraryEncoder::all_outputs() const {
  return {.dense = true, .sparse = model_.has_sparse, .colbert = model_.colbert_dimensions > 0};
}

std::vector<Encoding> LibraryEncoder::encode(std::vector<std::string> texts, const Outputs& outputs,
                                             const std::string& prefix, std::uint64_t least_budget,
                                             const StopToken& stop) {
  const engine::EmbeddingRequest request{.texts = std::move(texts),
                                         .outputs = outputs,
                                         .prompt = prefix,
                                         .least_budget = least_budget};
  std::vector<Encoding> encodings;
  encodings.reserve(request.texts.size());
  for (engine::TextEmbedding& each : embedder_.embed(request, stop).texts) {
    encodings.push_back(std::move(each.encoding));
  }
  return encodings;
}

}  // namespace oko::tasks

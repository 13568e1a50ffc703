#include "tasks/rerank.h"

#include <algorithm>
#include <utility>

#include "models/bge_m3/similarity.h"

namespace oko::tasks {
namespace {

constexpr std::size_t kTextsAtOnce = 16;
constexpr models::bge_m3::Outputs kTokenVectors{.dense = false, .sparse = false, .colbert = true};

}  // namespace

RerankResult rerank(engine::Embedder& embedder, const std::string& query,
                    std::span<const std::string> texts, const StopToken& stop) {
  RerankResult result;
  const auto encode = [&](std::vector<std::string> some) {
    engine::EmbeddingResult encoded =
        embedder.embed({.texts = std::move(some), .outputs = kTokenVectors}, stop);
    result.tokens += encoded.stats.tokens;
    return std::move(encoded.texts);
  };
  const models::bge_m3::Encoding asked = std::move(encode({query}).at(0).encoding);
  for (std::size_t at = 0; at < texts.size(); at += kTextsAtOnce) {
    const auto some = texts.subspan(at, std::min(kTextsAtOnce, texts.size() - at));
    for (const engine::TextEmbedding& text : encode({some.begin(), some.end()})) {
      result.scores.push_back(models::bge_m3::colbert_score(asked, text.encoding));
    }
  }
  return result;
}

}  // namespace oko::tasks

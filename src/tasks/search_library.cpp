#include "tasks/search_library.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/bge_m3/encoding.h"

namespace oko::tasks {
namespace {

using index::SearchMode;

models::bge_m3::Outputs outputs_for(SearchMode mode, const index::LibraryModel& model) {
  const bool all = mode == SearchMode::kHybrid;
  return {.dense = all || mode == SearchMode::kDense || mode == SearchMode::kColbert,
          .sparse = model.has_sparse && (all || mode == SearchMode::kSparse),
          .colbert = model.colbert_dimensions > 0 && (all || mode == SearchMode::kColbert)};
}

void require_mode(SearchMode mode, const index::LibraryModel& model) {
  const bool is_missing = (mode == SearchMode::kSparse && !model.has_sparse) ||
                          (mode == SearchMode::kColbert && model.colbert_dimensions == 0);
  if (!is_missing) return;
  throw Error(
      ErrorCode::kUsage,
      tr("the library's model, {}, has no such vectors",
         "у модели библиотеки, {}, таких "
         "векторов нет",
         model.name),
      tr("use {} hybrid, dense or text", "укажите {} hybrid, dense или text", Knob{"mode"}));
}

}  // namespace

std::vector<FoundPassage> search_library(index::Store& store, engine::Embedder* embedder,
                                         const std::string& query,
                                         const index::SearchOptions& options,
                                         const StopToken& stop) {
  if (query.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw Error(ErrorCode::kUsage, tr("the query is empty", "запрос пуст"));
  }
  require_mode(options.mode, store.model());
  index::SearchQuery encoded{.text = query, .encoding = {}};
  if (embedder != nullptr && options.mode != SearchMode::kText) {
    const engine::EmbeddingRequest request{.texts = {query},
                                           .outputs = outputs_for(options.mode, store.model())};
    encoded.encoding = std::move(embedder->embed(request, stop).texts.at(0).encoding);
  }
  const std::vector<std::string> terms = store.terms_of(query);
  std::vector<FoundPassage> found;
  for (index::Hit& hit : index::search(store, encoded, options)) {
    const std::vector<index::KnownDocument> documents =
        store.documents(std::span(&hit.chunk.document, 1));
    if (documents.empty()) continue;  // removed meanwhile
    index::Snippet snippet = index::snippet_of(hit.chunk.chunk, terms);
    found.push_back({std::move(hit), documents[0].document, std::move(snippet)});
  }
  return found;
}

}  // namespace oko::tasks

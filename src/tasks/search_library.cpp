#include "tasks/search_library.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/bge_m3/encoding.h"
#include "tasks/library_encoder.h"

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

/// The documents that have a hit, by rising path, but one that matches the filter first.
std::vector<index::KnownDocument> documents_of(index::Store& store, const index::Hit& hit,
                                               const index::Filter& filter) {
  const index::DocumentId id = hit.chunk.document;
  std::vector<index::KnownDocument> documents = store.documents(std::span(&id, 1));
  for (index::KnownDocument& copy : store.copies(id)) documents.push_back(std::move(copy));
  std::sort(documents.begin(), documents.end(),
            [&](const index::KnownDocument& a, const index::KnownDocument& b) {
              const bool first = matches(filter, a.document), second = matches(filter, b.document);
              return first != second ? first : a.document.path < b.document.path;
            });
  return documents;
}

/// The line of a page that is nearest to the query in meaning; null: the page has too few or too
/// many lines.
const index::LinePlace* nearest_line(const index::Chunk& chunk, const std::vector<float>& query,
                                     LibraryEncoder& encoder, const StopToken& stop) {
  if (chunk.lines.size() < 2 || chunk.lines.size() > kMostPassages) return nullptr;
  std::vector<std::string> texts;
  texts.reserve(chunk.lines.size());
  for (const index::LinePlace& line : chunk.lines) {
    texts.push_back(chunk.text.substr(line.begin, line.end - line.begin));
  }
  const index::LinePlace* nearest = nullptr;
  float best = 0;
  std::size_t at = 0;
  for (const models::bge_m3::Encoding& each : encoder.dense_passages(std::move(texts), stop)) {
    const float score = std::inner_product(query.begin(), query.end(), each.dense.begin(), 0.0f);
    const index::LinePlace& line = chunk.lines[at++];
    if (nearest != nullptr && score <= best) continue;
    nearest = &line;
    best = score;
  }
  return nearest;
}

/// The best passages that have no word of the query: where they answer it. Their lines are encoded
/// now, so they are few.
void point_at_lines(std::vector<FoundPassage>& found, const std::vector<float>& query,
                    LibraryEncoder& encoder, const StopToken& stop) {
  constexpr std::size_t kPassages = 1;
  for (std::size_t i = 0; i < std::min(kPassages, found.size()); ++i) {
    const index::Chunk& chunk = found[i].hit.chunk.chunk;
    if (!found[i].snippet.marks.empty()) continue;
    try {
      const index::LinePlace* line = nearest_line(chunk, query, encoder, stop);
      if (line != nullptr) found[i].snippet = index::snippet_of_line(chunk, *line);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOverBudget) throw;
      return;  // its beginning is shown
    }
  }
}

}  // namespace

std::vector<FoundPassage> search_library(index::Store& store, engine::Embedder* embedder,
                                         const std::string& query,
                                         const index::SearchOptions& options,
                                         const StopToken& stop) {
  if (query.find_first_not_of(" \t\r\n\"") == std::string::npos) {
    throw Error(ErrorCode::kUsage, tr("the query is empty", "запрос пуст"));
  }
  require_mode(options.mode, store.model());
  index::SearchQuery encoded{.text = query, .encoding = {}};
  std::optional<LibraryEncoder> encoder;
  if (embedder != nullptr && options.mode != SearchMode::kText) {
    encoder.emplace(*embedder, store.model());
    encoded.encoding =
        std::move(encoder->queries({query}, outputs_for(options.mode, store.model()), stop).at(0));
  }
  const std::vector<std::string> terms = store.terms_of(query);
  std::vector<FoundPassage> found;
  for (index::Hit& hit : index::search(store, encoded, options)) {
    std::vector<index::KnownDocument> documents = documents_of(store, hit, options.filter);
    if (documents.empty()) continue;  // removed meanwhile
    FoundPassage& passage = found.emplace_back();
    passage.document = std::move(documents[0].document);
    for (const index::KnownDocument& each : std::span(documents).subspan(1)) {
      passage.copies.push_back(each.document.path);
    }
    passage.snippet = index::snippet_of(hit.chunk.chunk, terms);
    passage.hit = std::move(hit);
  }
  const std::vector<float>& meaning = encoded.encoding.dense;
  if (encoder && !meaning.empty()) point_at_lines(found, meaning, *encoder, stop);
  return found;
}

}  // namespace oko::tasks

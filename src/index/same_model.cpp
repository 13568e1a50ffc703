#include "index/same_model.h"

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::index {

void require_same_model(const LibraryModel& own, const LibraryModel& model,
                        const std::string& shown) {
  if (own.fingerprint != model.fingerprint) {
    throw Error(ErrorCode::kUsage,
                tr("{}: the library holds vectors of {}, and those of {} cannot be compared with "
                   "them",
                   "{}: в библиотеке векторы модели {}, и векторы модели {} с ними несравнимы",
                   shown, own.name, model.name),
                tr("index with --model {}, or into another library",
                   "индексируйте с --model {} "
                   "или в другую библиотеку",
                   own.name));
  }
  if (own.query_prefix == model.query_prefix && own.passage_prefix == model.passage_prefix) return;
  throw Error(ErrorCode::kUsage,
              tr("{}: the library was made with the prefixes \"{}\" and \"{}\", not \"{}\" and "
                 "\"{}\"",
                 "{}: библиотека создана с префиксами «{}» и «{}», а не «{}» и «{}»", shown,
                 own.query_prefix, own.passage_prefix, model.query_prefix, model.passage_prefix),
              tr("index with {} \"{}\" {} \"{}\", or into another library",
                 "индексируйте с {} \"{}\" {} \"{}\" или в другую библиотеку", Knob{"query_prefix"},
                 own.query_prefix, Knob{"passage_prefix"}, own.passage_prefix));
}

void require_model_of_library(const LibraryModel& own, const std::string& fingerprint,
                              const std::string& shown) {
  if (own.fingerprint == fingerprint) return;
  throw Error(ErrorCode::kUsage,
              tr("{} is not the model that the library was made with ({}): their vectors cannot be "
                 "compared",
                 "{} — не та модель, с которой создана библиотека ({}): их векторы несравнимы",
                 shown, own.name),
              tr("name that model with --model, or index the folders anew",
                 "назовите ту модель ключом --model или проиндексируйте папки заново"));
}

void require_fitting(const LibraryModel& model, const EncodedChunk& chunk) {
  const std::size_t colbert = chunk.encoding.colbert.dimensions;
  const bool fits = chunk.encoding.dense.size() == model.dimensions &&
                    (colbert == 0 || colbert == model.colbert_dimensions);
  if (fits) return;
  throw Error(ErrorCode::kFailed,
              tr("vectors of {} and {} numbers do not fit a library of {} and {}",
                 "векторы из {} и {} чисел не подходят библиотеке с {} и {}",
                 chunk.encoding.dense.size(), colbert, model.dimensions, model.colbert_dimensions));
}

}  // namespace oko::index

#pragma once

#include <string>
#include <vector>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/library.h"
#include "models/bge_m3/encoding.h"

namespace oko::tasks {

/// Makes vectors of texts as a library wants them: with its prefixes, and queries without the
/// direction of the language. Throws as Embedder.
class LibraryEncoder {
 public:
  /// Both must outlive it.
  LibraryEncoder(engine::Embedder& embedder, const index::LibraryModel& model)
      : embedder_(embedder), model_(model) {}

  /// All vectors that the model has, in the order of the texts.
  std::vector<models::bge_m3::Encoding> passages(std::vector<std::string> texts,
                                                 const StopToken& stop);
  /// Without other vectors than the dense ones.
  std::vector<models::bge_m3::Encoding> dense_passages(std::vector<std::string> texts,
                                                       const StopToken& stop);
  std::vector<models::bge_m3::Encoding> queries(std::vector<std::string> texts,
                                                const StopToken& stop);
  /// Those of `outputs` alone.
  std::vector<models::bge_m3::Encoding> queries(std::vector<std::string> texts,
                                                const models::bge_m3::Outputs& outputs,
                                                const StopToken& stop);

 private:
  models::bge_m3::Outputs all_outputs() const;
  std::vector<models::bge_m3::Encoding> encode(std::vector<std::string> texts,
                                               const models::bge_m3::Outputs& outputs,
                                               const std::string& prefix, const StopToken& stop);

  engine::Embedder& embedder_;
  const index::LibraryModel& model_;
};

}  // namespace oko::tasks

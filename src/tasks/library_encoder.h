#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/library.h"
#include "models/bge_m3/encoding.h"

namespace oko::tasks {

/// Texts of a request at most.
inline constexpr std::size_t kMostPassages = 64;

/// For requests of passages with their prefix.
engine::EmbeddingBudget budget_for_passages(const engine::Embedder& embedder,
                                            const std::string& prefix,
                                            const models::bge_m3::Outputs& outputs);

/// Makes vectors of texts as a library wants them: with its prefixes, and queries without the
/// direction of the language. Throws as Embedder; a refusal for memory names the budget for
/// all that follows: other passages, or the lines of what is found.
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
                                               const std::string& prefix,
                                               std::uint64_t least_budget, const StopToken& stop);
  std::uint64_t least_budget(const models::bge_m3::Outputs& outputs) const;

  engine::Embedder& embedder_;
  const index::LibraryModel& model_;
};

}  // namespace oko::tasks

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "index/opensearch_client.h"
#include "index/opensearch_state.h"
#include "index/word_query.h"

namespace oko::index {

/// The words of the visible chunks of a library on OpenSearch.
class OpenSearchVocabulary : public Vocabulary {
 public:
  OpenSearchVocabulary(OpenSearchClient& client, const LibraryState& state)
      : client_(client), state_(state) {}

  /// `all_chunks`: of the library, if that is known.
  OpenSearchVocabulary(OpenSearchClient& client, const LibraryState& state,
                       std::uint64_t all_chunks)
      : client_(client), state_(state), all_chunks_(all_chunks) {}

  std::uint64_t all_chunks() override;
  std::vector<std::uint64_t> chunks_with(std::span<const std::string> terms) override;
  std::vector<std::string> forms_with(std::string_view part) override;
  std::vector<std::string> forms_near(std::string_view form) override;

 private:
  OpenSearchClient& client_;
  const LibraryState& state_;
  std::optional<std::uint64_t> all_chunks_;
};

/// A query for chunks with the words of a parsed one, and the score that a text with all of them
/// often would have.
struct OpenSearchWords {
  nlohmann::json query;  ///< null: nothing can be found
  double ceiling = 0;
};
OpenSearchWords words_query(const WordQuery& parsed, OpenSearchVocabulary& vocabulary,
                            const nlohmann::json& visible);

}  // namespace oko::index

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "index/library.h"
#include "index/opensearch_client.h"

namespace oko::index {

/// The record of a library that says which of its items can be seen. A commit replaces it, so all
/// of a commit appears at once, or nothing.
///
/// All numbers, of documents, chunks and versions, come from one counter of the process that
/// writes: its session in the upper 32 bits. So none is ever used again, by whatever process.
struct LibraryState {
  using Range = std::pair<std::int64_t, std::int64_t>;  ///< both ends included

  std::int64_t session = 0;        ///< of the last process that wrote
  std::string writer;              ///< OpenSearchLock::owner() of that process
  std::int64_t committed = 0;      ///< versions up to it can be seen, but for
  std::vector<Range> gaps;         ///< those that were given up, and
  std::vector<std::int64_t> dead;  ///< those that were replaced or removed, not yet deleted
  bool is_clean = true;  ///< nothing was written since, so behind `committed` there is no gap

  std::int64_t seq_no = -1;  ///< of the record, for `write`
  std::int64_t primary_term = 0;

  bool sees(std::int64_t version) const;
  /// The query for visible items of a type, "chunk" or "document", that `filter` wants.
  nlohmann::json visible(const char* type, const Filter& filter = {}) const;

  /// Of a library that was just made, an empty one. Throws kNotFound: there is no index.
  static LibraryState read(OpenSearchClient& client);
  /// Replaces the record that was read. Throws kBusy if another process has replaced it.
  void write(OpenSearchClient& client);
};

/// The items of versions, and of ranges of them, are deleted.
void delete_versions(OpenSearchClient& client, const std::vector<std::int64_t>& versions,
                     const std::vector<LibraryState::Range>& ranges);

}  // namespace oko::index

#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/stop_token.h"
#include "index/library.h"

namespace oko::index {

/// A document of which a row is not as it was written.
struct DamagedDocument {
  DocumentId id = 0;
  ChunkId first_chunk = 0;  ///< documents of one share its chunks
  std::string path = {};
};

struct LibraryCheck {
  std::vector<LocalizedText> faults = {};        ///< that only a rebuild mends
  std::vector<DamagedDocument> documents = {};   ///< mended if their files are read again
  bool are_words_damaged = false;                ///< mended with the documents
  std::vector<LocalizedText> not_compared = {};  ///< what could not be checked, and why

  bool is_whole() const { return faults.empty() && documents.empty() && !are_words_damaged; }
};

/// Reads all of a library but the file of vectors: the next writer does that, and makes a damaged
/// one anew. If it cannot be opened at all, that is its only fault. Throws kNotFound, kCancelled,
/// kBusy, and as SqliteDatabase.
LibraryCheck check_library(const std::filesystem::path& library, const StopToken& stop);

/// Removes documents of which rows are damaged, so that the next run reads their files as new ones,
/// and makes the words anew from the texts. In one transaction.
void forget_damaged(const std::filesystem::path& library, std::span<const DocumentId> documents);

}  // namespace oko::index

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "index/library.h"
#include "tasks/passages.h"
#include "tasks/read_pages.h"

namespace oko::tasks {

/// A file and its text, cut into passages, or the reason why it could not be read.
struct ReadDocument {
  index::Document document;
  std::vector<index::Chunk> passages;
  std::optional<Error> error = {};        ///< of the whole file; then there are no passages
  std::vector<LocalizedText> notes = {};  ///< for the user: pages and parts that are missing
  bool has_changed = false;               ///< somebody wrote to the file while it was read
  index::DocumentId same = 0;             ///< the document with its content; then it was not read
};

struct ReadDocumentsOptions {
  ReadPagesOptions pages = {};
  text::ChunkOptions passages = {};
};

/// The kind of a file, by its content, then by its name; nothing if oko reads no such files. Throws
/// as InputFile does.
std::optional<index::DocumentKind> document_kind_of(const std::string& path);

/// The known document whose content a file has, by its hash; 0: there is none.
using FindSame = std::function<index::DocumentId(const index::Document&)>;

/// Takes documents, those of one kind in the order of the files, on the thread that called
/// `read_documents`.
using DocumentSink = std::function<void(ReadDocument)>;

/// Reads pictures, PDF and files of text, but those that `find_same` knows. Returns when the sink
/// has got all. Throws kCancelled, as
/// PageReader for errors of more than one page, and what the sink throws.
void read_documents(const std::vector<std::string>& files, const ReadDocumentsOptions& options,
                    const text::CountTokens& count, const FindSame& find_same,
                    const DocumentSink& sink, const StopToken& stop);

}  // namespace oko::tasks

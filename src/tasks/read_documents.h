#pragma once

#include <cstddef>
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

/// What is known of a file's content before it is read.
struct SameContent {
  index::DocumentId document = 0;  ///< of the library, that has it; 0: none
  /// The file is one more with this content: a copy of `document`, or of one that was read before.
  bool is_copy = false;
  bool is_known() const { return document != 0 || is_copy; }
};

/// A file and its text, cut into passages, or the reason why it could not be read.
struct ReadDocument {
  index::Document document;
  std::vector<index::Chunk> passages;
  std::optional<Error> error = {};        ///< of the whole file; then there are no passages
  std::vector<LocalizedText> notes = {};  ///< for the user: pages and parts that are missing
  /// The error is not of the content: somebody wrote to the file while it was read, or the system
  /// did not open it.
  bool may_pass = false;
  /// Above 0: the library has its text, and its passages are those and this many new captions.
  std::size_t captions = 0;
  std::vector<index::Document> sharers = {};  ///< that are to share its passages
  SameContent same = {};                      ///< if it is known, the file was not read
};

struct ReadDocumentsOptions {
  ReadPagesOptions pages = {};
  text::ChunkOptions passages = {};
  /// Called before a file of text is read. It may wait for room.
  std::function<void()> before_text = {};
  /// Gets each page of pictures and PDF once it is read, on the thread that called.
  std::function<void(const std::string& file, std::size_t pages, std::size_t passages)> on_page =
      {};
};

/// The kind of a file, by its content, then by its name; nothing if oko reads no such files. Throws
/// as InputFile does.
std::optional<index::DocumentKind> document_kind_of(const std::string& path);

/// What the ending of a file's name promises, if that is a picture, PDF, DOCX or an email, which
/// people miss if it cannot be read.
struct PromisedKind {
  index::DocumentKind kind = index::DocumentKind::kText;
  LocalizedText name;  ///< "a picture"
};
std::optional<PromisedKind> promised_kind_of(const std::string& path);

/// Finds the content of a file by its hash.
using FindSame = std::function<SameContent(const index::Document&)>;

/// Takes documents, those of one kind in the order of the files, on the thread that called
/// `read_documents`.
using DocumentSink = std::function<void(ReadDocument)>;

/// Reads pictures, PDF and files of text, but those that `find_same` knows. Returns when the sink
/// has got all. Throws kCancelled, as PageReader for errors of more than one page, and what the
/// sink throws.
void read_documents(const std::vector<std::string>& files, const ReadDocumentsOptions& options,
                    const text::CountTokens& count, const FindSame& find_same,
                    const DocumentSink& sink, const StopToken& stop);

}  // namespace oko::tasks

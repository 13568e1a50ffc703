#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/bge_m3/encoding.h"

/// What a library of documents consists of: a document is a file, a chunk a passage of it.
namespace oko::index {

using DocumentId = std::int64_t;  ///< > 0, never used again
using ChunkId = std::int64_t;     ///< > 0, grows, never used again

enum class DocumentKind { kPicture, kPdf, kText };

/// How a chunk's text came to be.
enum class TextOrigin {
  kFile,        ///< the file has it as text
  kRecognized,  ///< read in a picture
  kCaption,     ///< a model's description of a picture
};

/// XXH3-128 of the content of a file.
using ContentHash = std::array<std::uint8_t, 16>;

/// A file as it was when it was read.
struct Document {
  std::string path;  ///< absolute; bytes as the file system has them
  DocumentKind kind = DocumentKind::kText;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  ///< since 1970, UTC
  ContentHash hash{};
  /// Of the content: when a picture was taken or a letter was sent, else of `modified_ns`. Seconds
  /// since 1970, UTC.
  std::int64_t date = 0;
  std::string title;  ///< UTF-8; empty: the file has none
  int pages = 0;      ///< 0: this kind of file has none
  /// Why the file could not be read, in English, for a file that is known to fail; else empty.
  std::string error;
};

struct KnownDocument {
  DocumentId id = 0;
  Document document;
};

/// A rectangle as parts of the page, 0..1, the origin top left.
struct PageBox {
  float left = 0;
  float top = 0;
  float width = 0;
  float height = 0;
  bool operator==(const PageBox&) const = default;
};

/// A line of a page, as part of a chunk's text.
struct LinePlace {
  std::uint32_t begin = 0;  ///< in bytes of the chunk's text
  std::uint32_t end = 0;
  PageBox box;
  bool operator==(const LinePlace&) const = default;
};

struct Chunk {
  std::string text;  ///< UTF-8
  TextOrigin origin = TextOrigin::kFile;
  int page = 0;                  ///< counted from 1; 0: the file has no pages
  int page_width = 0;            ///< pixels of the upright page; 0: there are no boxes
  int page_height = 0;           ///< pixels
  std::vector<LinePlace> lines;  ///< in the order of the text
};

/// A chunk and its vectors, as they go into a store.
struct EncodedChunk {
  Chunk chunk;
  models::bge_m3::Encoding encoding;  ///< sparse and colbert may be empty
};

/// A chunk as it comes out of a store.
struct StoredChunk {
  ChunkId id = 0;
  DocumentId document = 0;
  Chunk chunk;
};

/// The model whose vectors a library holds. Vectors of different models cannot be compared.
struct LibraryModel {
  std::string name;         ///< as the user named it
  std::string fingerprint;  ///< of its files; differs between any two models
  std::size_t dimensions = 0;
  std::size_t colbert_dimensions = 0;  ///< 0: no token vectors are kept
  bool has_sparse = false;
  /// Of the processor that made the vectors, such as "avx512-vnni". In 8 bits those of two kinds
  /// differ by up to 3e-4, which is less than what their storage rounds off.
  std::string kernels;
  std::string query_prefix = {};    ///< put before each query
  std::string passage_prefix = {};  ///< put before each passage
  /// In which texts of two languages differ whatever they say, of length 1: queries are compared
  /// without it (language_direction.h). Empty: the model keeps languages together.
  std::vector<float> language_direction = {};
};

/// Adds what takes time to learn of a model, and is needed only when a library is made.
using LearnModel = std::function<void(LibraryModel&)>;

/// Which documents a search looks at. Empty fields do not restrict.
struct Filter {
  std::string path = {};  ///< a folder, or a pattern with * and ?
  std::vector<DocumentKind> kinds = {};
  std::optional<std::int64_t> from_date = {};  ///< the first second, of Document::date
  std::optional<std::int64_t> to_date = {};    ///< the last second

  bool empty() const { return path.empty() && kinds.empty() && !from_date && !to_date; }
};

bool matches(const Filter& filter, const Document& document);

struct ScoredChunk {
  ChunkId chunk = 0;
  float score = 0;
};

struct LibraryCounts {
  std::uint64_t documents = 0;         ///< that could be read
  std::uint64_t failed_documents = 0;  ///< that could not
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  ///< on the disk
};

}  // namespace oko::index

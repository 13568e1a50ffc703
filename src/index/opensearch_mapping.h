#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "index/library.h"

namespace oko::index {

/// How documents and chunks are written in an index of OpenSearch.
///
/// Each is an item of field `type` "document" or "chunk", with the number of the `put` that made it
/// (`version`). A chunk has path, kind and date of its document, for filters. `words` are its terms
/// (WordReader), analyzed at spaces: first those of the text, then, after a gap that no phrase
/// crosses, its codes, then those of the heading. `forms` are its words, not stemmed. `dense` has
/// no graph of neighbours (a search is exact), `sparse` are rank features by token, `tokens` are
/// `encode_tokens` in Base64.

/// Of an index that is made.
nlohmann::json index_settings(const LibraryModel& model, int shards, int replicas);

/// The model of an index, of its `GET /INDEX`. Throws kBadInput: an index of another program;
/// kUnsupported: of a newer oko. `shown` is its name for messages.
struct IndexHeader {
  LibraryModel model;
  std::string words;  ///< words_fingerprint() of the oko that made it
};
IndexHeader read_index_header(const nlohmann::json& index, const std::string& shown);

nlohmann::json document_item(DocumentId id, std::int64_t version, const Document& document);
KnownDocument document_of(const nlohmann::json& item);

/// Without what it has of its document: `set_document`.
nlohmann::json chunk_item(ChunkId id, const EncodedChunk& encoded);
/// Sets what the chunk has of its document, so of a chunk that moves with it. `is_first`: it is
/// found by the words of the document's name and title.
void set_document(nlohmann::json& item, DocumentId id, std::int64_t version,
                  const Document& document, bool is_first);
StoredChunk chunk_of(const nlohmann::json& item);

/// An item of `type` "note", which no search sees: the text that is kept by a key.
std::string note_id(std::string_view key);
nlohmann::json note_item(std::string_view key, std::string_view text);
/// Empty: the item is that of another key.
std::string note_of(const nlohmann::json& item, std::string_view key);

/// A path as text: what is not UTF-8 in it as U+F780 to U+F7FF.
std::string path_text(std::string_view path);
std::string path_bytes(std::string_view text);

}  // namespace oko::index

#include "index/opensearch_mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "index/document_heading.h"
#include "index/library_failure.h"
#include "index/line_places.h"
#include "index/row_checksum.h"
#include "index/token_codes.h"
#include "index/word_reader.h"
#include "index/words_tokenizer.h"
#include "text/code_point_count.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr int kGap = 100;  ///< between parts of `words`
constexpr std::size_t kLeastForm = 3;
constexpr char32_t kFirstByte = 0xF780;  ///< stands for byte 0x80 of a path

/// The terms of a text by spaces, its codes apart, and the forms of its words.
struct TextWords {
  std::string terms, codes;
  std::set<std::string> forms;

  void add(std::string_view text) {
    WordReader().read(text, [&](const TextWord& word) {
      std::string& to = word.is_code ? codes : terms;
      to.append(word.term).push_back(' ');
      if (text::code_point_count(word.form) >= kLeastForm) forms.emplace(word.form);
      return true;
    });
  }
};

/// Rounded to seven digits, which say more than 8 bits of a vector's range.
json numbers_of(std::span<const float> values) {
  json numbers = json::array();
  for (const float value : values) {
    const double scale = 1e7;
    numbers.push_back(std::round(double{value} * scale) / scale);
  }
  return numbers;
}

json sparse_of(const models::bge_m3::SparseVector& vector) {
  json features = json::object();
  for (const auto& [token, weight] : vector) {
    if (weight > 0) features[std::to_string(token)] = weight;
  }
  return features;
}

int kind_number(DocumentKind kind) {
  return static_cast<int>(kind);
}

std::string hex_of(const ContentHash& hash) {
  std::string text;
  for (const std::uint8_t byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

ContentHash hash_of(std::string_view text) {
  ContentHash hash{};
  const auto digit = [](char c) {
    return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  for (std::size_t i = 0; i < hash.size() && 2 * i + 1 < text.size(); ++i) {
    hash[i] = static_cast<std::uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  }
  return hash;
}

}  // namespace

json index_settings(const LibraryModel& model, int shards, int replicas) {
  const json keyword{{"type", "keyword"}};
  const json whole{{"type", "long"}};
  json properties{
      {"type", keyword},
      {"version", whole},
      {"document", whole},
      {"chunk", whole},
      {"path", keyword},
      {"kind", {{"type", "byte"}}},
      {"date", whole},
      {"failed", {{"type", "boolean"}}},
      {"words", {{"type", "text"}, {"analyzer", "whitespace"}, {"position_increment_gap", kGap}}},
      // A word of the heading counts more: its score is what a query says.
      {"heading_words",
       {{"type", "text"}, {"analyzer", "whitespace"}, {"similarity", "boolean"}, {"norms", false}}},
      {"forms", keyword},
      {"dense", {{"type", "knn_vector"}, {"dimension", model.dimensions}}},
      {"sparse", {{"type", "rank_features"}}}};
  const json header{{"format", kFormat},
                    {"model", model.name},
                    {"model_fingerprint", model.fingerprint},
                    {"dimensions", model.dimensions},
                    {"colbert_dimensions", model.colbert_dimensions},
                    {"has_sparse", model.has_sparse},
                    {"kernels", model.kernels},
                    {"query_prefix", model.query_prefix},
                    {"passage_prefix", model.passage_prefix},
                    {"language_direction", model.language_direction},
                    {"words", words_fingerprint()}};
  return {
      {"settings",
       {{"index",
         {{"number_of_shards", shards},
          {"number_of_replicas", replicas},
          // What is written becomes visible at a commit.
          {"refresh_interval", "-1"},
          // An answer is given when the disk has the change.
          {"translog", {{"durability", "request"}}}}}}},
      {"mappings", {{"dynamic", false}, {"_meta", {{"oko", header}}}, {"properties", properties}}}};
}

IndexHeader read_index_header(const json& index, const std::string& shown) {
  const json header = index.is_object() && !index.empty()
                          ? index.front().value("/mappings/_meta/oko"_json_pointer, json())
                          : json();
  if (!header.is_object()) {
    throw Error(ErrorCode::kBadInput,
                tr("{}: is an index of another program, not a library of oko",
                   "{}: это индекс другой программы, а не библиотека oko", shown));
  }
  if (const int format = header.value("format", 0); format > kFormat) {
    fail_newer_library(shown, format, kFormat);
  }
  IndexHeader read;
  read.model = {.name = header.value("model", ""),
                .fingerprint = header.value("model_fingerprint", ""),
                .dimensions = header.value("dimensions", std::size_t{0}),
                .colbert_dimensions = header.value("colbert_dimensions", std::size_t{0}),
                .has_sparse = header.value("has_sparse", false),
                .kernels = header.value("kernels", ""),
                .query_prefix = header.value("query_prefix", ""),
                .passage_prefix = header.value("passage_prefix", ""),
                .language_direction = header.value("language_direction", std::vector<float>())};
  read.words = header.value("words", "");
  return read;
}

json document_item(DocumentId id, std::int64_t version, const Document& document) {
  return {{"type", "document"},
          {"version", version},
          {"document", id},
          {"path", path_text(document.path)},
          {"kind", kind_number(document.kind)},
          {"size", document.size_bytes},
          {"modified_ns", document.modified_ns},
          {"hash", hex_of(document.hash)},
          {"date", document.date},
          {"title", document.title},
          {"pages", document.pages},
          {"error", document.error},
          {"failed", !document.error.empty()}};
}

KnownDocument document_of(const json& item) {
  KnownDocument known;
  known.id = item.value("document", DocumentId{0});
  Document& document = known.document;
  document.path = path_bytes(item.value("path", ""));
  document.kind = static_cast<DocumentKind>(item.value("kind", 0));
  document.size_bytes = item.value("size", std::uint64_t{0});
  document.modified_ns = item.value("modified_ns", std::int64_t{0});
  document.hash = hash_of(item.value("hash", ""));
  document.date = item.value("date", std::int64_t{0});
  document.title = item.value("title", "");
  document.pages = item.value("pages", 0);
  document.error = item.value("error", "");
  return known;
}

json chunk_item(ChunkId id, const EncodedChunk& encoded) {
  const Chunk& chunk = encoded.chunk;
  json item{{"type", "chunk"},
            {"chunk", id},
            {"text", chunk.text},
            {"origin", static_cast<int>(chunk.origin)},
            {"page", chunk.page},
            {"page_width", chunk.page_width},
            {"page_height", chunk.page_height},
            {"lines", base64_of(encode_lines(chunk.lines))},
            {"dense", numbers_of(encoded.encoding.dense)},
            {"sparse", sparse_of(encoded.encoding.sparse)}};
  const models::bge_m3::TokenVectors& tokens = encoded.encoding.colbert;
  if (tokens.count() > 0) {
    const auto codes = encode_tokens(tokens.values, tokens.dimensions, kLibraryTokenBits);
    item["tokens"] = base64_of({reinterpret_cast<const char*>(codes.data()), codes.size()});
  }
  return item;
}

void set_document(json& item, DocumentId id, std::int64_t version, const Document& document,
                  bool is_first) {
  item["document"] = id;
  item["version"] = version;
  item["path"] = path_text(document.path);
  item["kind"] = kind_number(document.kind);
  item["date"] = document.date;
  TextWords text;
  text.add(item.value("text", ""));
  json words{text.terms, text.codes};
  if (is_first) {
    TextWords heading;
    heading.add(heading_of(document));
    words.push_back(heading.terms);
    words.push_back(heading.codes);
    item["heading_words"] = heading.terms + heading.codes;
    text.forms.merge(heading.forms);
  }
  item["words"] = std::move(words);
  item["forms"] = text.forms;
}

StoredChunk chunk_of(const json& item) {
  StoredChunk stored;
  stored.id = item.value("chunk", ChunkId{0});
  stored.document = item.value("document", DocumentId{0});
  Chunk& chunk = stored.chunk;
  chunk.text = item.value("text", "");
  chunk.origin = static_cast<TextOrigin>(item.value("origin", 0));
  chunk.page = item.value("page", 0);
  chunk.page_width = item.value("page_width", 0);
  chunk.page_height = item.value("page_height", 0);
  chunk.lines = decode_lines(bytes_of_base64(item.value("lines", "")).value_or(""));
  return stored;
}

std::string note_id(std::string_view key) {
  return fmt::format("n{:016x}", static_cast<std::uint64_t>(RowChecksum().add(key).value()));
}

json note_item(std::string_view key, std::string_view text) {
  return {{"type", "note"}, {"key", key}, {"text", text}};
}

std::string note_of(const json& item, std::string_view key) {
  return item.value("key", "") == key ? item.value("text", "") : "";
}

std::string path_text(std::string_view path) {
  std::string text;
  for (std::size_t at = 0; at < path.size();) {
    const text::Utf8Step step = text::next_utf8(path, at);
    const bool is_kept = step.kind == text::Utf8Step::Kind::kValid &&
                         (step.code_point < kFirstByte || step.code_point >= kFirstByte + 0x80);
    if (is_kept) {
      text.append(path.substr(at, step.length));
    } else {
      for (const char c : path.substr(at, step.length)) {
        text::append_utf8(text, kFirstByte + (static_cast<unsigned char>(c) - 0x80u));
      }
    }
    at += step.length;
  }
  return text;
}

std::string path_bytes(std::string_view text) {
  std::string path;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    if (step.code_point >= kFirstByte && step.code_point < kFirstByte + 0x80) {
      path += static_cast<char>(step.code_point - kFirstByte + 0x80);
    } else {
      path.append(text.substr(at, step.length));
    }
    at += step.length;
  }
  return path;
}

}  // namespace oko::index

#include "text/tokenizer.h"

#include <system_error>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/normalize.h"
#include "text/split.h"
#include "text/table_builder.h"
#include "text/tokenizer_source.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

namespace fs = std::filesystem;

/// The files of a tokenizer in a model's folder.
struct TokenizerFiles {
  fs::path main;                // tokenizer.json or vocab.json
  fs::path merges{}, config{};  // of the older layout; `config` may be empty
  TableSources identities{};
};

TokenizerFiles find_files(const fs::path& model_dir) {
  std::error_code ignored;
  TokenizerFiles files{model_dir / "tokenizer.json"};
  if (!fs::exists(files.main, ignored)) {
    files = {model_dir / "vocab.json", model_dir / "merges.txt"};
    if (!fs::exists(files.main, ignored) || !fs::exists(files.merges, ignored)) {
      throw Error(ErrorCode::kBadModel,
                  tr("{}: no tokenizer.json, nor vocab.json with merges.txt",
                     "{}: нет ни tokenizer.json, ни vocab.json с merges.txt", model_dir.string()),
                  tr("download the model again", "скачайте модель заново"));
    }
    const fs::path config = model_dir / "tokenizer_config.json";
    if (fs::exists(config, ignored)) files.config = config;
  }
  const fs::path* const paths[] = {&files.main, &files.merges, &files.config};
  for (std::size_t i = 0; i < files.identities.size(); ++i) {
    if (!paths[i]->empty()) files.identities[i] = identify_file(*paths[i], ErrorCode::kBadModel);
  }
  return files;
}

std::string read_source(const fs::path& path) {
  return path.empty() ? std::string() : read_file(path, kMaxTokenizerBytes, ErrorCode::kBadModel);
}

std::vector<std::byte> build_from_files(const TokenizerFiles& files) {
  const std::string main = read_source(files.main);
  if (files.merges.empty()) {
    const std::string name = files.main.string();
    return build_table(parse_tokenizer_json(main, name), files.identities, name);
  }
  const std::string merges = read_source(files.merges);
  const std::string config = read_source(files.config);
  return build_table(parse_legacy_tokenizer({main, merges, config}), files.identities,
                     files.main.parent_path().string());
}

}  // namespace

Tokenizer Tokenizer::load(const fs::path& model_dir, const TokenizerOptions& options) {
  const TokenizerFiles files = find_files(model_dir);
  TokenizerTable table(load_table(TokenizerTable::kKind, options.cache_dir, model_dir,
                                  files.identities, [&] { return build_from_files(files); }));
  const bool has_added = !table.added(false).empty() || !table.added(true).empty();
  if (!files.merges.empty() && !has_added) {
    throw Error(ErrorCode::kBadModel,
                tr("{}: tokenizer_config.json names no chat tokens (added_tokens_decoder)",
                   "{}: в tokenizer_config.json нет токенов чата (added_tokens_decoder)",
                   model_dir.string()),
                tr("put the tokenizer.json of the original model into the folder",
                   "положите в папку tokenizer.json исходной модели"));
  }
  return Tokenizer(std::move(table));
}

Tokenizer Tokenizer::parse(std::string_view tokenizer_json, const std::string& name) {
  return Tokenizer(TokenizerTable(
      TableBlock(build_table(parse_tokenizer_json(tokenizer_json, name), {}, name))));
}

void Tokenizer::append_plain(std::string_view text, std::vector<std::int32_t>& ids) const {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = piece_end(text, at);
    const std::string_view piece = text.substr(at, end - at);
    at = end;
    if (const std::uint32_t id = table_.find_piece(piece); id != TokenizerTable::kNone) {
      ids.push_back(static_cast<std::int32_t>(id));
    } else {
      append_bpe(table_, piece, ids);
    }
  }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  std::string storage;
  append_plain(normalize_text(text, storage), ids);
  return ids;
}

std::vector<std::int32_t> Tokenizer::encode_with_added(std::string_view text,
                                                       bool with_special) const {
  std::vector<std::int32_t> ids;
  std::string replaced;
  if (!is_utf8(text)) text = replaced = replace_invalid_utf8(text);
  for (const TextSpan& early : split_at_added_tokens(table_, false, text, with_special)) {
    if (early.token != nullptr) {
      ids.push_back(static_cast<std::int32_t>(early.token->id));
      continue;
    }
    std::string storage;
    const std::string_view normalized = normalize_text(early.text, storage);
    for (const TextSpan& late : split_at_added_tokens(table_, true, normalized, with_special)) {
      if (late.token != nullptr) {
        ids.push_back(static_cast<std::int32_t>(late.token->id));
      } else {
        append_plain(late.text, ids);
      }
    }
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string bytes;
  for (const std::int32_t id : ids) {
    if (skip_special && is_special(id)) continue;
    bytes += token_bytes(id);
  }
  return replace_invalid_utf8(bytes);
}

std::string_view Tokenizer::token_bytes(std::int32_t id) const {
  return is_known(id) ? table_.token(static_cast<std::uint32_t>(id)) : std::string_view();
}

std::optional<std::int32_t> Tokenizer::special_token(std::string_view content) const {
  for (const bool after_nfc : {false, true}) {
    for (const TokenizerTable::Added& added : table_.added(after_nfc)) {
      if (table_.content(added) == content) return static_cast<std::int32_t>(added.id);
    }
  }
  return std::nullopt;
}

bool Tokenizer::is_special(std::int32_t id) const {
  return is_known(id) && table_.is_special(static_cast<std::uint32_t>(id));
}

}  // namespace oko::text

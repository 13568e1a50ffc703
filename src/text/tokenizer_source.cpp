#include "text/tokenizer_source.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/localized_text.h"
#include "text/split.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_json_sax.h"

namespace oko::text {
namespace {

using nlohmann::json;

/// Throws unless everything around the tables is the pipeline of `encode`.
void check_pipeline(const json& tree, const std::string& name) {
  const json& normalizer = field(tree, "normalizer");
  if (!is_type(normalizer, "NFC")) refuse(name, "normalizer", normalizer);

  const json& pre_tokenizer = field(tree, "pre_tokenizer");
  const json& steps = field(pre_tokenizer, "pretokenizers");
  if (!is_type(pre_tokenizer, "Sequence") || !steps.is_array() || steps.size() != 2) {
    refuse(name, "pre_tokenizer", pre_tokenizer);
  }
  const json& pattern = field(field(steps[0], "pattern"), "Regex");
  if (!is_type(steps[0], "Split") || field(steps[0], "behavior") != "Isolated" ||
      flag(steps[0], "invert", false)) {
    refuse(name, "pre_tokenizer.pretokenizers[0]", steps[0]);
  }
  if (pattern != kQwenPattern) refuse(name, "pre_tokenizer's pattern", pattern);
  if (!is_type(steps[1], "ByteLevel") || flag(steps[1], "add_prefix_space", true) ||
      flag(steps[1], "use_regex", true)) {
    refuse(name, "pre_tokenizer.pretokenizers[1]", steps[1]);
  }

  const json& decoder = field(tree, "decoder");
  if (!is_type(decoder, "ByteLevel")) refuse(name, "decoder", decoder);
  const json& post_processor = field(tree, "post_processor");
  if (!post_processor.is_null() && !is_type(post_processor, "ByteLevel")) {
    refuse(name, "post_processor", post_processor);
  }

  const json& model = field(tree, "model");
  if (!is_type(model, "BPE")) refuse(name, "model.type", field(model, "type"));
  for (const char* key : {"byte_fallback", "ignore_merges"}) {
    if (flag(model, key, false)) refuse(name, std::string("model.") + key, true);
  }
  for (const char* key :
       {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
    const json& value = field(model, key);
    if (!value.is_null() && value != "") refuse(name, std::string("model.") + key, value);
  }
}

void read_tokenizer_config(std::string_view bytes, TokenizerSource& source) {
  const std::string name = "tokenizer_config.json";
  const json tree = read_json(bytes, JsonKind::kTree, name, source);
  const json& tokenizer_class = field(tree, "tokenizer_class");
  if (!tokenizer_class.is_null() && tokenizer_class != "Qwen2Tokenizer" &&
      tokenizer_class != "Qwen2TokenizerFast" && tokenizer_class != "TokenizersBackend") {
    refuse(name, "tokenizer_class", tokenizer_class);
  }
  const json& tokens = field(tree, "added_tokens_decoder");
  if (tokens.is_null()) return;
  if (!tokens.is_object()) refuse(name, "added_tokens_decoder", tokens);
  for (const auto& [key, entry] : tokens.items()) {
    std::int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) refuse(name, "token id", key);
    source.added.push_back(read_added_token(entry, id, name));
  }
}

void read_merges_text(std::string_view text, TokenizerSource& source) {
  const std::string name = "merges.txt";
  while (!text.empty()) {
    const std::size_t newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(std::min(newline + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos ||
        source.merges.size() == static_cast<std::size_t>(kMaxTokens)) {
      fail(name, tr("line of merge {} is not a pair of tokens",
                    "строка слияния {} — не пара токенов", source.merges.size()));
    }
    const TokenizerSource::Text left = source.store(line.substr(0, space));
    source.merges.push_back({left, source.store(line.substr(space + 1))});
  }
}

void check_tables(const TokenizerSource& source, const std::string& name) {
  if (source.vocabulary.empty()) fail(name, tr("has no vocabulary", "нет словаря"));
  if (source.has_scores) {
    fail(name, tr("the vocabulary is not one of BPE", "словарь — не от BPE"));
  }
}

}  // namespace

TokenizerSource::Text TokenizerSource::store(std::string_view text) {
  const Text stored{static_cast<std::uint32_t>(arena.size()),
                    static_cast<std::uint32_t>(text.size())};
  arena += text;
  return stored;
}

TokenizerSource parse_tokenizer_json(std::string_view bytes, const std::string& name) {
  TokenizerSource source;
  const json tree = read_json(bytes, JsonKind::kTokenizer, name, source);
  check_pipeline(tree, name);
  read_added_tokens(field(tree, "added_tokens"), name, source);
  check_tables(source, name);
  return source;
}

TokenizerSource parse_legacy_tokenizer(const LegacyTokenizerFiles& files) {
  TokenizerSource source;
  read_json(files.vocabulary, JsonKind::kVocabulary, "vocab.json", source);
  check_tables(source, "vocab.json");
  read_merges_text(files.merges, source);
  if (!files.config.empty()) read_tokenizer_config(files.config, source);
  return source;
}

}  // namespace oko::text

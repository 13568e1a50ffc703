#include "text/tokenizer_json.h"

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::text {

using nlohmann::json;

void fail(const std::string& name, const LocalizedText& what) {
  throw Error(ErrorCode::kBadModel, name + ": " + what,
              tr("download the model again", "скачайте модель заново"));
}

void refuse(const std::string& name, const LocalizedText& what, const json& value) {
  std::string text = value.dump(-1, ' ', true);
  if (text.size() > 100) text = text.substr(0, 100) + "...";
  throw Error(
      ErrorCode::kBadModel,
      tr("{}: {} is {}, which oko does not support", "{}: {} = {}, oko этого не поддерживает", name,
         what, text),
      tr("oko reads tokenizers of Qwen's kind (byte-level BPE) and of XLM-RoBERTa's (Unigram)",
         "oko читает токенизаторы вида Qwen (байтовый BPE) и XLM-RoBERTa (Unigram)"));
}

const json& field(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

bool is_type(const json& object, std::string_view type) {
  return field(object, "type") == type;
}

bool flag(const json& object, const char* key, bool missing) {
  const json& value = field(object, key);
  return value.is_boolean() ? value.get<bool>() : missing;
}

AddedToken read_added_token(const json& entry, std::int64_t id, const std::string& name) {
  const json& content = field(entry, "content");
  if (!content.is_string() || content == "" || id < 0 || id >= kMaxTokens) {
    refuse(name, "added token", entry);
  }
  AddedToken token;
  token.content = content.get<std::string>();
  token.id = static_cast<std::int32_t>(id);
  token.special = flag(entry, "special", false);
  token.normalized = flag(entry, "normalized", !token.special);
  token.single_word = flag(entry, "single_word", false);
  token.strip_left = flag(entry, "lstrip", false);
  token.strip_right = flag(entry, "rstrip", false);
  return token;
}

void read_added_tokens(const json& list, const std::string& name, TokenizerSource& source) {
  if (list.is_null()) return;
  if (!list.is_array()) refuse(name, "added_tokens", list);
  for (const json& entry : list) {
    const json& id = field(entry, "id");
    if (!id.is_number_integer()) refuse(name, "added token", entry);
    source.added.push_back(read_added_token(entry, id.get<std::int64_t>(), name));
  }
}

}  // namespace oko::text

#include "text/unigram_source.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>

#include "base/base64.h"
#include "base/localized_text.h"
#include "text/serde_json_number.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_json_sax.h"

namespace oko::text {
namespace {

using nlohmann::json;

constexpr std::string_view kSentencepieceSpace = "\u2581";

/// True if `step` turns runs of spaces into one.
bool joins_spaces(const json& step) {
  return is_type(step, "Replace") && field(field(step, "pattern"), "Regex") == " {2,}" &&
         field(step, "content") == " ";
}

std::string read_normalizer(const json& normalizer, bool splits, const std::string& name) {
  const json* precompiled = &normalizer;
  if (is_type(normalizer, "Sequence")) {
    const json& steps = field(normalizer, "normalizers");
    if (!steps.is_array() || steps.empty() || steps.size() > 2 ||
        (steps.size() == 2 && !joins_spaces(steps[1]))) {
      refuse(name, "normalizer", normalizer);
    }
    precompiled = &steps[0];
    // If every white space ends a word, their number does not matter.
    if (steps.size() == 1 && !splits) refuse(name, "normalizer", normalizer);
  } else if (!splits) {
    refuse(name, "normalizer", normalizer);
  }
  const json& charsmap = field(*precompiled, "precompiled_charsmap");
  if (!is_type(*precompiled, "Precompiled") || !charsmap.is_string()) {
    refuse(name, "normalizer", normalizer);
  }
  auto bytes = bytes_of_base64(charsmap.get_ref<const std::string&>());
  if (!bytes)
    fail(name, tr("precompiled_charsmap is not base64", "precompiled_charsmap — не base64"));
  return *std::move(bytes);
}

void check_metaspace(const json& step, const std::string& name) {
  const json& scheme = field(step, "prepend_scheme");
  if (!is_type(step, "Metaspace") || field(step, "replacement") != kSentencepieceSpace ||
      !(scheme.is_null() ? flag(step, "add_prefix_space", true) : scheme == "always") ||
      !flag(step, "split", true)) {
    refuse(name, "pre_tokenizer", step);
  }
}

/// True if words also end at white space.
bool read_pre_tokenizer(const json& pre_tokenizer, const std::string& name) {
  if (!is_type(pre_tokenizer, "Sequence")) {
    check_metaspace(pre_tokenizer, name);
    return false;
  }
  const json& steps = field(pre_tokenizer, "pretokenizers");
  if (!steps.is_array() || steps.size() != 2 || !is_type(steps[0], "WhitespaceSplit")) {
    refuse(name, "pre_tokenizer", pre_tokenizer);
  }
  check_metaspace(steps[1], name);
  return true;
}

/// The id of a special token around a text: step `index` of the template for one text.
std::int32_t read_template_token(const json& post_processor, std::size_t index,
                                 const std::string& name) {
  const json& single = field(post_processor, "single");
  if (!is_type(post_processor, "TemplateProcessing") || !single.is_array() || single.size() != 3 ||
      field(field(single[1], "Sequence"), "id") != "A") {
    refuse(name, "post_processor", post_processor);
  }
  const json& token = field(field(single[index], "SpecialToken"), "id");
  if (!token.is_string()) refuse(name, "post_processor", post_processor);
  const json& entry =
      field(field(post_processor, "special_tokens"), token.get_ref<const std::string&>().c_str());
  const json& ids = field(entry, "ids");
  if (!ids.is_array() || ids.size() != 1 || !ids[0].is_number_unsigned() ||
      ids[0].get<std::uint64_t>() >= static_cast<std::uint64_t>(kMaxTokens)) {
    refuse(name, "post_processor", post_processor);
  }
  return ids[0].get<std::int32_t>();
}

void check_ids(const UnigramSource& source, const std::string& name) {
  const std::size_t size = source.tables.vocabulary.size();
  for (const std::int32_t id : {source.unk_id, source.bos_id, source.eos_id}) {
    if (static_cast<std::size_t>(id) < size) continue;
    fail(name,
         tr("special token {} is not among the {} of the vocabulary",
            "специального токена {} нет среди {:токена|токенов|токенов} словаря", id, Count(size)));
  }
  for (const TokenizerSource::VocabularyEntry& entry : source.tables.vocabulary) {
    if (std::isfinite(entry.score)) continue;
    fail(name,
         tr("the score of token {} is not a number", "оценка токена {} — не число", entry.id));
  }
}

/// The fields of a protobuf message, one after another.
class Message {
 public:
  Message(std::string_view bytes, const std::string& name) : left_(bytes), name_(name) {}

  /// Moves to the next field; false at the end.
  bool next() {
    if (left_.empty()) return false;
    const std::uint64_t key = varint();
    number_ = key >> 3;
    switch (key & 7) {
      case 0:
        value_ = varint();
        bytes_ = {};
        break;
      case 1:
        bytes_ = take(8);
        break;
      case 2:
        bytes_ = take(varint());
        break;
      case 5:
        bytes_ = take(4);
        break;
      default:
        damaged();
    }
    return true;
  }

  std::uint64_t number() const { return number_; }
  std::uint64_t value() const { return value_; }     ///< of a varint
  std::string_view bytes() const { return bytes_; }  ///< of anything else
  float float32() const {
    if (bytes_.size() != 4) damaged();
    std::uint32_t bits = 0;
    for (std::size_t i = 4; i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes_[i]);
    return std::bit_cast<float>(bits);
  }

 private:
  [[noreturn]] void damaged() const {
    fail(name_, tr("not a sentencepiece model, or a damaged one",
                   "это не модель sentencepiece, или она повреждена"));
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }

  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) damaged();
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }

  std::string_view left_;
  const std::string& name_;
  std::uint64_t number_ = 0, value_ = 0;
  std::string_view bytes_;
};

// Numbers of fields in sentencepiece_model.proto.
constexpr std::uint64_t kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3;
constexpr std::uint64_t kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr std::uint64_t kModelType = 3, kByteFallback = 35;
constexpr std::uint64_t kPrecompiledCharsmap = 2;
constexpr std::uint64_t kUnigramModel = 1;
constexpr std::uint64_t kNormalPiece = 1, kUnknownPiece = 2, kControlPiece = 3;

class SentencepieceReader {
 public:
  SentencepieceReader(std::string_view bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}

  UnigramSource read() {
    constexpr std::array kFirst = {"<s>", "<pad>", "</s>", "<unk>"};
    for (const char* token : kFirst) add_special(token);
    source_.bos_id = 0;
    source_.eos_id = 2;
    source_.unk_id = 3;
    for (Message model(bytes_, name_); model.next();) {
      if (model.number() == kPieces) read_piece(model.bytes());
      if (model.number() == kTrainerSpec) check_trainer(model.bytes());
      if (model.number() == kNormalizerSpec) read_normalizer_spec(model.bytes());
    }
    if (pieces_ <= kOwnSpecial) {
      fail(name_, tr("not a sentencepiece model: it has no pieces",
                     "это не модель sentencepiece: в ней нет токенов"));
    }
    add_special("<mask>");
    return std::move(source_);
  }

 private:
  static constexpr std::size_t kOwnSpecial = 3;  // <unk>, <s>, </s> of the file itself

  void add_special(const char* content) {
    AddedToken token;
    token.content = content;
    token.id = static_cast<std::int32_t>(source_.tables.vocabulary.size());
    token.special = true;
    add(content, 0);
    source_.tables.added.push_back(std::move(token));
  }

  void add(std::string_view text, double score) {
    TokenizerSource& tables = source_.tables;
    tables.vocabulary.push_back(
        {tables.store(text), static_cast<std::int32_t>(tables.vocabulary.size()), score});
  }

  void read_piece(std::string_view bytes) {
    std::string_view text;
    float score = 0;
    std::uint64_t type = kNormalPiece;
    for (Message piece(bytes, name_); piece.next();) {
      if (piece.number() == kPieceText) text = piece.bytes();
      if (piece.number() == kPieceScore) score = piece.float32();
      if (piece.number() == kPieceType) type = piece.value();
    }
    const bool own_special = pieces_ < kOwnSpecial;
    const bool right_type =
        own_special ? type == (pieces_ == 0 ? kUnknownPiece : kControlPiece) : type == kNormalPiece;
    if (text.empty() || !right_type || !std::isfinite(score) ||
        ++pieces_ > static_cast<std::size_t>(kMaxTokens) - 8) {
      fail(name_,
           tr("piece {} is not one of XLM-RoBERTa's", "токен {} — не из XLM-RoBERTa", pieces_));
    }
    // The score that tokenizer.json would have.
    if (!own_special) add(text, serde_json_number(fmt::format("{}", static_cast<double>(score))));
  }

  void check_trainer(std::string_view bytes) {
    std::uint64_t model_type = kUnigramModel, byte_fallback = 0;
    for (Message spec(bytes, name_); spec.next();) {
      if (spec.number() == kModelType) model_type = spec.value();
      if (spec.number() == kByteFallback) byte_fallback = spec.value();
    }
    if (model_type != kUnigramModel) refuse(name_, "trainer_spec.model_type", model_type);
    if (byte_fallback != 0) refuse(name_, "trainer_spec.byte_fallback", true);
  }

  void read_normalizer_spec(std::string_view bytes) {
    for (Message spec(bytes, name_); spec.next();) {
      if (spec.number() == kPrecompiledCharsmap) source_.precompiled_charsmap = spec.bytes();
    }
  }

  std::string_view bytes_;
  const std::string& name_;
  UnigramSource source_;
  std::size_t pieces_ = 0;
};

}  // namespace

UnigramSource parse_unigram_json(std::string_view bytes, const std::string& name) {
  UnigramSource source;
  const json tree = read_json(bytes, JsonKind::kTokenizer, name, source.tables);
  const json& model = field(tree, "model");
  // The oldest files do not name the type of a Unigram model.
  if (!field(model, "type").is_null() && !is_type(model, "Unigram")) {
    refuse(name, "model.type", field(model, "type"));
  }
  if (!source.tables.has_scores) {
    fail(name, tr("the vocabulary has no scores", "у словаря нет оценок"));
  }
  if (flag(model, "byte_fallback", false)) refuse(name, "model.byte_fallback", true);
  const json& unk_id = field(model, "unk_id");
  if (!unk_id.is_number_unsigned() ||
      unk_id.get<std::uint64_t>() >= static_cast<std::uint64_t>(kMaxTokens)) {
    refuse(name, "model.unk_id", unk_id);
  }
  source.unk_id = unk_id.get<std::int32_t>();
  source.splits_at_white_space = read_pre_tokenizer(field(tree, "pre_tokenizer"), name);
  source.precompiled_charsmap =
      read_normalizer(field(tree, "normalizer"), source.splits_at_white_space, name);
  source.bos_id = read_template_token(field(tree, "post_processor"), 0, name);
  source.eos_id = read_template_token(field(tree, "post_processor"), 2, name);
  read_added_tokens(field(tree, "added_tokens"), name, source.tables);
  check_ids(source, name);
  return source;
}

UnigramSource parse_sentencepiece(std::string_view bytes, const std::string& name) {
  UnigramSource source = SentencepieceReader(bytes, name).read();
  check_ids(source, name);
  return source;
}

}  // namespace oko::text

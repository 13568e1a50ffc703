#include "text/xlmr_tokenizer.h"

#include <system_error>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/text_escape.h"
#include "text/precompiled_normalizer.h"
#include "text/tokenizer_json.h"
#include "text/unicode_table.h"
#include "text/unigram.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMetaspace = "\u2581";
constexpr std::size_t kPart = 1 << 14;  // bytes normalized at a time

std::vector<std::byte> build_from_file(const fs::path& path, bool is_json,
                                       const TableSources& sources) {
  const std::string bytes = read_file(path, kMaxTokenizerBytes, ErrorCode::kBadModel);
  const std::string name = path.string();
  return build_unigram_table(
      is_json ? parse_unigram_json(bytes, name) : parse_sentencepiece(bytes, name), sources, name);
}

/// Cuts normalized text, which comes in parts, into words (HF's WhitespaceSplit and Metaspace, or
/// its Replace of runs of spaces and Metaspace).
class WordSplitter {
 public:
  WordSplitter(bool splits_at_white_space, UnigramSplitter& pieces)
      : splits_at_white_space_(splits_at_white_space), pieces_(pieces) {}

  void add(std::string_view text) {
    std::size_t plain = 0;  // begin of the text that is not passed on yet
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = next_valid_utf8(text.data() + at);
      const Kind kind = kind_of(step.code_point);
      if (kind != Kind::kLetter) {
        give(text.substr(plain, at - plain));
        plain = at + step.length;
        if (kind == Kind::kMark || !after_space_) begin_word(kind);
        after_space_ = kind == Kind::kSpace;
      } else {
        after_space_ = false;
      }
      at += step.length;
    }
    give(text.substr(plain));
  }

  void finish() {
    if (pieces_.in_word()) pieces_.end_word();
  }

 private:
  enum class Kind { kLetter, kSpace, kMark };

  Kind kind_of(char32_t code_point) const {
    if (code_point == U'\u2581') return Kind::kMark;
    const bool space = splits_at_white_space_
                           ? (UnicodeTable::get()[code_point] & UnicodeTable::kSpace) != 0
                           : code_point == U' ';
    return space ? Kind::kSpace : Kind::kLetter;
  }

  /// Handles a space or a mark: it begins a word, or, if white space only separates, ends one.
  void begin_word(Kind kind) {
    finish();
    if (kind == Kind::kMark || !splits_at_white_space_) pieces_.add(kMetaspace);
  }

  void give(std::string_view letters) {
    if (letters.empty()) return;
    // Add the mark that a word lacks: the first of the text, or each behind white space.
    if (!pieces_.in_word()) pieces_.add(kMetaspace);
    pieces_.add(letters);
  }

  bool splits_at_white_space_;
  UnigramSplitter& pieces_;
  bool after_space_ = false;
};

}  // namespace

XlmrTokenizer XlmrTokenizer::load(const fs::path& model_dir, const TokenizerOptions& options) {
  std::error_code ignored;
  fs::path file = model_dir / "tokenizer.json";
  const bool is_json = fs::exists(file, ignored);
  if (!is_json) {
    file = model_dir / "sentencepiece.bpe.model";
    if (!fs::exists(file, ignored)) {
      const fs::path words = model_dir / "vocab.txt";
      if (fs::exists(words, ignored)) refuse(words.string(), "tokenizer", "WordPiece");
      throw Error(ErrorCode::kBadModel,
                  tr("{}: neither tokenizer.json nor sentencepiece.bpe.model",
                     "{}: нет ни tokenizer.json, ни sentencepiece.bpe.model", model_dir.string()),
                  tr("download the model again", "скачайте модель заново"));
    }
  }
  const TableSources sources{identify_file(file, ErrorCode::kBadModel)};
  return XlmrTokenizer(
      UnigramTable(load_table(UnigramTable::kKind, options.cache_dir, model_dir, sources,
                              [&] { return build_from_file(file, is_json, sources); })));
}

XlmrTokenizer XlmrTokenizer::parse(std::string_view tokenizer_json, const std::string& name) {
  return XlmrTokenizer(UnigramTable(
      TableBlock(build_unigram_table(parse_unigram_json(tokenizer_json, name), {}, name))));
}

TokenizedText XlmrTokenizer::encode(std::string_view text, std::size_t max_tokens) const {
  std::string replaced;
  if (!is_utf8(text)) text = replaced = replace_invalid_utf8(text);
  TokenSink sink{max_tokens - 1};  // room for </s>
  sink.add(static_cast<std::uint32_t>(table_.header().bos_id));
  UnigramSplitter pieces(table_, sink);
  WordSplitter words(table_.header().splits_at_white_space != 0, pieces);
  std::string part;
  for (std::size_t at = 0; at < text.size();) {
    part.clear();
    at = normalize_precompiled(table_, text, at, kPart, part);
    words.add(part);
  }
  words.finish();
  sink.ids.push_back(table_.header().eos_id);
  return {std::move(sink.ids), sink.count + 1};
}

std::string_view XlmrTokenizer::token(std::int32_t id) const {
  return id >= 0 && id < vocab_size() ? table_.token(static_cast<std::uint32_t>(id))
                                      : std::string_view();
}

}  // namespace oko::text

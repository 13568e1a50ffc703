#include "text/tokenizer_json_sax.h"

#include "base/localized_text.h"
#include "base/text_escape.h"
#include "text/serde_json_number.h"
#include "text/tokenizer_json.h"

namespace oko::text {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTreeValues = 500'000;
constexpr std::size_t kMaxTreeDepth = 64;

/// Receives nlohmann's events. Puts the big tables into the source instead of the tree.
class TokenizerJsonSaxHandler : public json::json_sax_t {
 public:
  TokenizerJsonSaxHandler(JsonKind kind, const std::string& name, TokenizerSource& source)
      : name_(name), source_(source), tokenizer_(kind == JsonKind::kTokenizer) {
    if (kind == JsonKind::kVocabulary) next_table_ = Table::kVocabulary;
  }

  json take_tree() { return std::move(tree_); }

  bool null() override { return add_scalar(nullptr); }
  bool boolean(bool value) override { return add_scalar(value); }
  bool number_integer(number_integer_t value) override {
    return add_score(static_cast<double>(value)) || add_scalar(value);
  }
  bool number_float(number_float_t value, const string_t& text) override {
    return add_score(serde_json_number(text)) || add_scalar(value);
  }
  bool binary(binary_t&) override { return false; }

  bool number_unsigned(number_unsigned_t value) override {
    if (add_score(static_cast<double>(value))) return true;
    if (table_ != Table::kVocabulary) return add_scalar(value);
    if (value >= static_cast<number_unsigned_t>(kMaxTokens)) {
      fail(tr("token id {} is more than the limit of {}", "номер токена {} больше предела в {}",
              value, kMaxTokens - 1));
    }
    source_.vocabulary.push_back({source_.store(key_), static_cast<std::int32_t>(value)});
    return true;
  }

  bool string(string_t& value) override {
    if (table_ == Table::kPieces && in_pair_ && pair_size_ == 0) {
      pair_[pair_size_++] = source_.store(value);
      return true;
    }
    if (table_ != Table::kMerges) return add_scalar(std::move(value));
    if (in_pair_) {
      if (pair_size_ == 2) fail_merge();
      pair_[pair_size_++] = source_.store(value);
      return true;
    }
    const std::size_t space = value.find(' ');
    if (space == std::string::npos || value.find(' ', space + 1) != std::string::npos) fail_merge();
    const TokenizerSource::Text both = source_.store(value);
    const auto left = static_cast<std::uint32_t>(space);
    add_merge({{both.offset, left}, {both.offset + left + 1, both.length - left - 1}});
    return true;
  }

  bool key(string_t& value) override {
    key_ = std::move(value);
    if (!tokenizer_ || table_ != Table::kNone) return true;
    if (path_.size() == 1) in_model_ = key_ == "model";
    if (path_.size() == 2 && in_model_) {
      next_table_ = key_ == "vocab"    ? Table::kVocabulary
                    : key_ == "merges" ? Table::kMerges
                                       : Table::kNone;
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (next_table_ == Table::kVocabulary && table_ == Table::kNone) {
      table_ = Table::kVocabulary;
      return true;
    }
    return open(json::object());
  }
  bool start_array(std::size_t) override {
    if ((table_ == Table::kMerges || table_ == Table::kPieces) && !in_pair_) {
      in_pair_ = true;
      pair_size_ = 0;
      return true;
    }
    if (next_table_ != Table::kNone && table_ == Table::kNone) {
      table_ = next_table_ == Table::kVocabulary ? Table::kPieces : next_table_;
      source_.has_scores |= table_ == Table::kPieces;
      return true;
    }
    return open(json::array());
  }
  bool end_object() override { return close(); }
  bool end_array() override {
    if (!in_pair_) return close();
    if (pair_size_ != 2) place(nullptr);
    in_pair_ = false;
    if (table_ == Table::kPieces) return true;
    add_merge({pair_[0], pair_[1]});
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    fail(tr("not valid JSON at byte {}", "неверный JSON на байте {}", position));
  }

 private:
  enum class Table {
    kNone,
    kVocabulary,  // {token: id} of BPE
    kMerges,      // of BPE
    kPieces,      // [[token, score]] of Unigram
  };

  [[noreturn]] void fail(const LocalizedText& what) const { text::fail(name_, what); }
  [[noreturn]] void fail_merge() const {
    fail(tr("merge {} is not a pair of tokens", "слияние {} — не пара токенов",
            source_.merges.size()));
  }

  /// Takes the second half of a piece; returns false elsewhere.
  bool add_score(double score) {
    if (table_ != Table::kPieces || !in_pair_ || pair_size_ != 1) return false;
    ++pair_size_;
    if (source_.vocabulary.size() == static_cast<std::size_t>(kMaxTokens)) {
      fail(tr("more than {} tokens", "больше {} токенов", kMaxTokens));
    }
    source_.vocabulary.push_back(
        {pair_[0], static_cast<std::int32_t>(source_.vocabulary.size()), score});
    return true;
  }

  void add_merge(const TokenizerSource::Merge& merge) {
    if (source_.merges.size() == static_cast<std::size_t>(kMaxTokens)) {
      fail(tr("more than {} merges", "больше {} слияний", kMaxTokens));
    }
    source_.merges.push_back(merge);
  }

  /// Adds a value at the current place of the tree.
  json* place(json value) {
    if (table_ != Table::kNone) {
      if (table_ == Table::kMerges) fail_merge();
      if (table_ == Table::kPieces) {
        fail(tr("token {} is not a pair of a text and a score",
                "токен {} — не пара из текста и оценки", source_.vocabulary.size()));
      }
      fail(tr("the vocabulary's id of '{}' is not a number", "номер токена '{}' — не число",
              excerpt(key_)));
    }
    if (next_table_ != Table::kNone) {
      fail(tr("the table of tokens is of a wrong kind", "таблица токенов не того вида"));
    }
    if (++values_ > kMaxTreeValues || path_.size() > kMaxTreeDepth) {
      fail(tr("more than {} values or {} levels of them", "больше {} значений или {} уровней",
              kMaxTreeValues, kMaxTreeDepth));
    }
    if (path_.empty()) {
      tree_ = std::move(value);
      return &tree_;
    }
    json& parent = *path_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  template <typename T>
  bool add_scalar(T&& value) {
    place(json(std::forward<T>(value)));
    return true;
  }

  bool open(json container) {
    path_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    if (table_ != Table::kNone) {
      table_ = next_table_ = Table::kNone;
    } else {
      path_.pop_back();
    }
    return true;
  }

  const std::string& name_;
  TokenizerSource& source_;
  json tree_;
  std::vector<json*> path_;  // open containers of the tree, the root first
  std::string key_;
  std::size_t values_ = 0;
  bool tokenizer_;
  bool in_model_ = false;
  Table table_ = Table::kNone;       // the table that the events are in
  Table next_table_ = Table::kNone;  // the table that the next container is
  bool in_pair_ = false;
  std::size_t pair_size_ = 0;
  TokenizerSource::Text pair_[2];
};

}  // namespace

json read_json(std::string_view bytes, JsonKind kind, const std::string& name,
               TokenizerSource& source) {
  TokenizerJsonSaxHandler reader(kind, name, source);
  json::sax_parse(bytes.begin(), bytes.end(), &reader);
  return reader.take_tree();
}

}  // namespace oko::text

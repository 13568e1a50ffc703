#include "testing/random_qwen_tokenizer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <utility>

#include "testing/random_recipe.h"

namespace oko::testing {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 26> kSpecialTokens = {
    // Their ids follow one another.
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>"};
/// "<tool_call>": from here on tokens are added, but not special.
constexpr std::size_t kFirstNonSpecial = 14;

/// Qwen2's pattern of words, as its tokenizer.json has it.
constexpr const char* kSplitPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::array<std::string_view, 24> kEnglishPairs = {
    "th", "he", "in", "er", "an", "re", "on", "at", "en", "nd", "ti", "es",
    "or", "te", "of", "ed", "is", "it", "al", "ar", "st", "to", "nt", "ng"};
constexpr std::array<std::string_view, 16> kRussianPairs = {
    "ст", "но", "то", "на", "ен", "ов", "ни", "ра", "во", "ко", "по", "ре", "не", "ро", "ли", "пр"};
constexpr std::string_view kConsonants = "bdfghjklmnprstvzcwxy";
constexpr std::string_view kVowels = "aeiou";

bool is_printable(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/// The letter for each byte in a byte-level vocabulary (GPT-2): printable bytes as they are, the
/// others from U+0100 on.
std::array<std::string, 256> byte_letters() {
  std::array<std::string, 256> letters;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    letters[byte] = utf8(is_printable(byte) ? byte : next++);
  }
  return letters;
}

/// The growing vocabulary: every token beyond the bytes has exactly one merge.
class Vocabulary {
 public:
  explicit Vocabulary(std::size_t size) : size_(size), letters_(byte_letters()) {
    for (const bool printable : {true, false}) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        if (is_printable(byte) == printable) add(letters_[byte]);
      }
    }
  }

  bool full() const { return tokens_.size() == size_; }

  /// Adds the merge of two tokens, given as bytes, unless its token exists or no more fit.
  void merge(std::string_view left, std::string_view right) {
    if (full()) return;
    const std::string a = letters(left);
    const std::string b = letters(right);
    assert(known_.contains(a) && known_.contains(b));
    if (!known_.contains(a + b)) {
      merges_.push_back(a + " " + b);
      add(a + b);
    }
  }

  const std::vector<std::string>& tokens() const { return tokens_; }  ///< by id
  const std::vector<std::string>& merges() const { return merges_; }  ///< by rank

 private:
  std::string letters(std::string_view bytes) const {
    std::string text;
    for (const char c : bytes) text += letters_[static_cast<unsigned char>(c)];
    return text;
  }

  void add(const std::string& token) {
    known_.insert(token);
    tokens_.push_back(token);
  }

  std::size_t size_;
  std::array<std::string, 256> letters_;
  std::vector<std::string> tokens_;
  std::vector<std::string> merges_;
  std::unordered_set<std::string> known_;
};

std::vector<std::string> syllables() {
  std::vector<std::string> all;
  for (const char vowel : kVowels) {
    for (const char consonant : kConsonants) all.push_back({consonant, vowel});
  }
  return all;
}

Vocabulary make_vocabulary(std::size_t size) {
  Vocabulary vocabulary(size);
  for (const std::string& syllable : syllables()) {
    vocabulary.merge(syllable.substr(0, 1), syllable.substr(1));
  }
  for (const std::string_view pair : kEnglishPairs) {
    vocabulary.merge(pair.substr(0, 1), pair.substr(1));
  }
  for (unsigned letter = 0x430; letter <= 0x44F; ++letter) {
    const std::string text = utf8(letter);
    vocabulary.merge(text.substr(0, 1), text.substr(1));
  }
  for (const std::string_view pair : kRussianPairs) {
    vocabulary.merge(pair.substr(0, 2), pair.substr(2));
  }
  // Words: a space and one syllable, then every word of the last round with one syllable more.
  std::vector<std::string> words = {" "};
  while (!vocabulary.full()) {
    std::vector<std::string> longer;
    for (const std::string& syllable : syllables()) {
      for (const std::string& word : words) {
        if (vocabulary.full()) break;
        vocabulary.merge(word, syllable);
        longer.push_back(word + syllable);
      }
    }
    words = std::move(longer);
  }
  return vocabulary;
}

ordered_json added_token(std::size_t index) {
  return {{"content", kSpecialTokens[index]},
          {"single_word", false},
          {"lstrip", false},
          {"rstrip", false},
          {"normalized", false},
          {"special", index < kFirstNonSpecial}};
}

ordered_json byte_level() {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", false},
          {"use_regex", false}};
}

}  // namespace

std::span<const std::string_view> special_tokens() {
  return kSpecialTokens;
}

std::int64_t special_token_id(std::int64_t first_special, std::string_view token) {
  const auto found = std::find(kSpecialTokens.begin(), kSpecialTokens.end(), token);
  assert(found != kSpecialTokens.end());
  return first_special + (found - kSpecialTokens.begin());
}

ordered_json random_qwen_tokenizer(std::int64_t first_special) {
  const Vocabulary vocabulary = make_vocabulary(static_cast<std::size_t>(first_special));
  // Filled in place: ordered_json finds a key by searching, which 150 000 keys would make slow.
  ordered_json::object_t ids;
  for (std::size_t id = 0; id < vocabulary.tokens().size(); ++id) {
    ids.emplace_back(vocabulary.tokens()[id], id);
  }
  ordered_json added = ordered_json::array();
  for (std::size_t i = 0; i < kSpecialTokens.size(); ++i) {
    ordered_json token = {{"id", first_special + static_cast<std::int64_t>(i)}};
    token.update(added_token(i));
    added.push_back(std::move(token));
  }
  const ordered_json split = {{"type", "Split"},
                              {"pattern", {{"Regex", kSplitPattern}}},
                              {"behavior", "Isolated"},
                              {"invert", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer",
           {{"type", "Sequence"}, {"pretokenizers", ordered_json::array({split, byte_level()})}}},
          {"post_processor", byte_level()},
          {"decoder", byte_level()},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", ""},
            {"end_of_word_suffix", ""},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"vocab", std::move(ids)},
            {"merges", vocabulary.merges()}}}};
}

ordered_json random_qwen_tokenizer_config(std::int64_t first_special,
                                          std::int64_t model_max_length) {
  ordered_json decoder;
  ordered_json special = ordered_json::array();
  for (std::size_t i = 0; i < kSpecialTokens.size(); ++i) {
    decoder[std::to_string(first_special + static_cast<std::int64_t>(i))] = added_token(i);
    if (i > 0 && i < kFirstNonSpecial) special.push_back(kSpecialTokens[i]);
  }
  return {{"tokenizer_class", "Qwen2Tokenizer"},
          {"add_bos_token", false},
          {"add_prefix_space", false},
          {"added_tokens_decoder", std::move(decoder)},
          {"additional_special_tokens", std::move(special)},
          {"bos_token", nullptr},
          {"clean_up_tokenization_spaces", false},
          {"eos_token", "<|im_end|>"},
          {"errors", "replace"},
          {"model_max_length", model_max_length},
          {"pad_token", "<|endoftext|>"},
          {"split_special_tokens", false},
          {"unk_token", nullptr}};
}

}  // namespace oko::testing

#include "testing/random_unigram_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "testing/random_recipe.h"

namespace oko::testing {
namespace {

using nlohmann::ordered_json;

constexpr const char* kSpace = "\u2581";
constexpr const char* kFirstTokens[] = {"<s>", "<pad>", "</s>", "<unk>"};
constexpr const char* kBilingualConsonants[] = {"b", "d", "k", "l", "m", "n", "p", "r",
                                                "s", "t", "v", "z", "б", "д", "к", "л",
                                                "м", "н", "п", "р", "с", "т", "в", "з"};
constexpr const char* kEnglishVowels[] = {"a", "e", "i", "o", "u"};
constexpr const char* kRussianVowels[] = {"а", "е", "и", "о", "у"};
constexpr std::size_t kEnglishConsonants = 12;

constexpr double kLetterScore = -12;  // letters are worse than any piece of several
constexpr double kWordScore = -8;

std::vector<std::string> bilingual_syllables() {
  std::vector<std::string> all;
  for (std::size_t c = 0; c < std::size(kBilingualConsonants); ++c) {
    for (const char* vowel : c < kEnglishConsonants ? kEnglishVowels : kRussianVowels) {
      all.push_back(std::string(kBilingualConsonants[c]) + vowel);
    }
  }
  return all;
}

/// A sentencepiece charsmap without rules, in base64: the size of its trie (1024 bytes), and an
/// empty trie.
std::string empty_charsmap() {
  return "AAQA" + std::string(1367, 'A') + "=";
}

ordered_json special_token(std::int64_t id, const std::string& content) {
  return {{"id", id},
          {"content", content},
          {"single_word", false},
          {"lstrip", content == "<mask>"},
          {"rstrip", false},
          {"normalized", false},
          {"special", true}};
}

ordered_json vocabulary(std::int64_t size) {
  ordered_json tokens = ordered_json::array();
  const auto full = [&] { return std::ssize(tokens) == size - 1; };
  const auto add = [&](const std::string& token, double score) {
    if (!full()) tokens.push_back(ordered_json::array({token, score}));
  };
  for (const char* token : kFirstTokens) add(token, 0);
  add(kSpace, kLetterScore + 1);
  for (unsigned c = '!'; c <= '~'; ++c) add(utf8(c), kLetterScore);
  for (unsigned c = 0x410; c <= 0x44F; ++c) add(utf8(c), kLetterScore);
  std::vector<std::string> words{kSpace};
  while (!full()) {
    std::vector<std::string> longer;
    for (const std::string& word : words) {
      for (const std::string& syllable : bilingual_syllables()) {
        if (full()) break;
        longer.push_back(word + syllable);
        add(longer.back(), kWordScore - 1e-5 * static_cast<double>(tokens.size()));
      }
    }
    words = std::move(longer);
  }
  tokens.push_back(ordered_json::array({"<mask>", 0.0}));
  return tokens;
}

}  // namespace

ordered_json random_unigram_tokenizer(std::int64_t vocab_size) {
  ordered_json added = ordered_json::array();
  for (std::size_t i = 0; i < std::size(kFirstTokens); ++i) {
    added.push_back(special_token(static_cast<std::int64_t>(i), kFirstTokens[i]));
  }
  added.push_back(special_token(vocab_size - 1, "<mask>"));
  const ordered_json metaspace = {{"type", "Metaspace"},
                                  {"replacement", kSpace},
                                  {"prepend_scheme", "always"},
                                  {"split", true}};
  const auto special = [](const char* id) {
    return ordered_json{{"SpecialToken", {{"id", id}, {"type_id", 0}}}};
  };
  const ordered_json sequence = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const auto described = [](const char* token, int id) {
    return ordered_json{{"id", token},
                        {"ids", ordered_json::array({id})},
                        {"tokens", ordered_json::array({token})}};
  };
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", empty_charsmap()}}},
          {"pre_tokenizer",
           {{"type", "Sequence"},
            {"pretokenizers", ordered_json::array({{{"type", "WhitespaceSplit"}}, metaspace})}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", ordered_json::array({special("<s>"), sequence, special("</s>")})},
            {"pair", ordered_json::array({special("<s>"), sequence, special("</s>")})},
            {"special_tokens", {{"<s>", described("<s>", 0)}, {"</s>", described("</s>", 2)}}}}},
          {"decoder", metaspace},
          {"model",
           {{"type", "Unigram"},
            {"unk_id", 3},
            {"vocab", vocabulary(vocab_size)},
            {"byte_fallback", false}}}};
}

}  // namespace oko::testing

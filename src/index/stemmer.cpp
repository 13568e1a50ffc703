#include "index/stemmer.h"

#include <libstemmer.h>

#include <new>

namespace oko::index {
namespace {

enum class Script { kLatin, kCyrillic, kOther };

/// The script of a word in UTF-8 all of whose letters are of one alphabet, and that has no digit.
Script script_of(std::string_view word) {
  bool latin = true, cyrillic = true;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    // U+0400..U+04FF are two bytes, of which the first is D0..D3.
    const bool is_cyrillic = byte >= 0xd0 && byte <= 0xd3 && i + 1 < word.size();
    cyrillic &= is_cyrillic;
    latin &= (byte >= 'a' && byte <= 'z') || byte == '\'';
    i += is_cyrillic;
  }
  return latin ? Script::kLatin : cyrillic ? Script::kCyrillic : Script::kOther;
}

sb_stemmer* make_stemmer(const char* language) {
  sb_stemmer* stemmer = ::sb_stemmer_new(language, "UTF_8");
  if (stemmer == nullptr)
    throw std::bad_alloc();  // both languages are in every build of libstemmer
  return stemmer;
}

}  // namespace

void Stemmer::Delete::operator()(sb_stemmer* stemmer) const {
  ::sb_stemmer_delete(stemmer);
}

Stemmer::Stemmer() : russian_(make_stemmer("russian")), english_(make_stemmer("english")) {}

Stemmer::~Stemmer() = default;

std::string_view Stemmer::stem(std::string_view word) {
  constexpr std::string_view kYo = "ё", kYe = "е";
  word_ = word;
  for (std::size_t at = word_.find(kYo); at != std::string::npos; at = word_.find(kYo, at)) {
    word_.replace(at, kYo.size(), kYe);
  }
  const Script script = script_of(word_);
  if (script == Script::kOther || word_.empty()) return word_;
  sb_stemmer* stemmer = script == Script::kLatin ? english_.get() : russian_.get();
  const sb_symbol* stem = ::sb_stemmer_stem(
      stemmer, reinterpret_cast<const sb_symbol*>(word_.data()), static_cast<int>(word_.size()));
  if (stem == nullptr) throw std::bad_alloc();
  return {reinterpret_cast<const char*>(stem),
          static_cast<std::size_t>(::sb_stemmer_length(stemmer))};
}

}  // namespace oko::index

#pragma once

#include <memory>
#include <string>
#include <string_view>

struct sb_stemmer;

namespace oko::index {

/// Stems of Russian and English words, by Snowball's algorithms (libstemmer). The letters of a word
/// choose the language. Objects may not be shared between threads.
class Stemmer {
 public:
  Stemmer();
  ~Stemmer();

  /// The stem of a word in lower case: "счетов" -> "счет", "receipts" -> "receipt". ё counts as е,
  /// as most people write it. Words of other scripts, and those with digits, stay as they are.
  /// `word` is valid UTF-8 without white space. The result stands until the next call.
  std::string_view stem(std::string_view word);

 private:
  struct Delete {
    void operator()(sb_stemmer* stemmer) const;
  };

  std::unique_ptr<sb_stemmer, Delete> russian_, english_;
  std::string word_;
};

}  // namespace oko::index

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "index/stemmer.h"

namespace oko::index {

/// A word of a text, as the index of words has it.
struct TextWord {
  std::string_view term;  ///< the stem in lower case, NFC, е for ё; during the call
  std::string_view form;  ///< the same, not stemmed
  std::size_t begin = 0;  ///< in bytes of the text
  std::size_t end = 0;
  /// True for a whole code, such as ИНВ-00417/А, which comes after its parts: инв, 00417, а.
  bool is_code = false;
};

/// Splits text into words. A word is a run of letters, digits and marks, with apostrophes between
/// letters. Words that a sign like - / . _ joins without a space are a code as well if one has a
/// digit: an invoice's number, a date, a serial number. Words longer than 120 bytes end there.
/// Objects may not be shared between threads.
class WordReader {
 public:
  /// Calls `visit` for each word, in the order of the text, a code after its parts. `text` may be
  /// any bytes. `visit` returns false to end.
  void read(std::string_view text, const std::function<bool(const TextWord&)>& visit);

 private:
  struct Run;

  Run run_at(std::string_view text, std::size_t at) const;
  bool visit_run(std::string_view text, const Run& run,
                 const std::function<bool(const TextWord&)>& visit);
  void make_form(std::string_view word);

  Stemmer stemmer_;
  std::string form_, storage_;
};

}  // namespace oko::index

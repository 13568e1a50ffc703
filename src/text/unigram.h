#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/unigram_table.h"

namespace oko::text {

/// Receives the tokens of a text. Only counts those beyond `max_tokens`.
struct TokenSink {
  std::size_t max_tokens = 0;
  std::vector<std::int32_t> ids = {};
  std::size_t count = 0;  ///< of all tokens

  void add(std::uint32_t id) {
    if (count++ < max_tokens) ids.push_back(static_cast<std::int32_t>(id));
  }
};

/// Cuts words into the pieces whose scores have the largest sum (Kudo 2018, arXiv:1804.10959, by
/// Viterbi's algorithm, ties as HF `tokenizers` breaks them). A word comes in parts, and its pieces
/// leave as soon as no continuation can change them, so that memory stays small however long it is.
class UnigramSplitter {
 public:
  /// Both must outlive it.
  UnigramSplitter(const UnigramTable& table, TokenSink& sink) : table_(table), sink_(sink) {}

  bool in_word() const { return !word_.empty() || continued_; }

  /// Appends valid UTF-8 to the word.
  void add(std::string_view text) {
    word_ += text;
    if (word_.size() >= next_commit_) commit(/*finished=*/false);
  }

  /// The word is complete.
  void end_word();

 private:
  static constexpr std::size_t kWindow = 1 << 14;     // bytes of a word between commits
  static constexpr std::size_t kMaxWindow = 1 << 20;  // bytes after which the best pieces are final

  /// The best way to cut the word up to a place.
  struct Node {
    double score;
    std::uint32_t id;
    std::uint32_t length;  ///< of the last piece in bytes; 0: no way leads here
  };

  void commit(bool finished);
  void search(std::size_t starts);
  void visit(std::size_t at);
  std::size_t settled(std::size_t starts) const;
  void emit(std::size_t end);

  const UnigramTable& table_;
  TokenSink& sink_;
  std::string word_;
  std::size_t next_commit_ = kWindow;
  bool continued_ = false;     ///< pieces of this word have left already
  bool last_unknown_ = false;  ///< the last of them is unknown
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> path_;
};

}  // namespace oko::text

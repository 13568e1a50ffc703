#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "grammar/letter_set.h"

namespace oko::grammar {

/// The automaton of a regular expression, by the positions of its letters (Glushkov), to predict
/// what xgrammar's compiler does with it: for each state it reads the model's vocabulary, and for
/// each letter there it follows all states that the automaton may be in.
class PatternAutomaton {
 public:
  /// A part of the expression. `first`, `last`: the positions where a match may begin and end.
  struct Part {
    std::vector<std::size_t> first = {}, last = {};
    bool may_be_empty = true;
    std::size_t begin = 0;  ///< its positions are those from here to the end
  };

  Part empty() const { return {.begin = positions_.size()}; }
  Part letter(const LetterRanges& letters);
  Part sequence(Part before, Part after);
  static Part either(Part one, Part other);
  /// `part`: the one made last.
  void remove(const Part& part) { positions_.resize(part.begin); }
  /// `part`: the one made last. `most`: none for no end.
  Part repeated(Part part, std::uint64_t least, std::optional<std::uint64_t> most);

  /// Seconds of one core, as measured with xgrammar 0.2.9 and the 151,669 tokens of Qwen3. Ends
  /// early above `most`.
  double compile_seconds(const Part& whole, double most) const;

 private:
  /// Kinds of letters that tokens have.
  enum Kind : std::uint8_t { kLower, kUpper, kSpace, kSign, kCyrillic, kOther, kKinds };
  struct Position {
    std::array<float, kKinds> shares;  ///< of each kind's letters
    std::vector<std::size_t> next = {};
  };
  struct Shape;
  static const Shape kShapes[];

  void link(const std::vector<std::size_t>& from, const std::vector<std::size_t>& to);
  double visits(const std::vector<std::size_t>& next, const Shape& shape) const;

  std::vector<Position> positions_;
};

}  // namespace oko::grammar

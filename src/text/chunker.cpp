#include "text/chunker.h"

#include <algorithm>

#include "text/characters.h"
#include "text/grapheme.h"
#include "text/sentences.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

/// A sentence, or a part of one that is too long.
struct ChunkUnit {
  TextRange range;
  std::size_t tokens = 0;
  bool is_sentence = true;
  bool ends_paragraph = false;
};

/// Cuts sentences that are longer than a chunk.
class UnitSplitter {
 public:
  UnitSplitter(std::string_view text, std::size_t max_tokens, const CountTokens& count_tokens,
               std::vector<ChunkUnit>& units)
      : text_(text), max_tokens_(max_tokens), count_tokens_(count_tokens), units_(units) {}

  /// Bytes of a unit at most: longer ones are cut without a count.
  std::size_t max_bytes() const { return max_tokens_ * kBytesOfToken; }

  void split(const Sentence& sentence) {
    const std::size_t end = sentence.range.end;
    std::size_t at = sentence.range.begin;
    while (at < end) {
      const TextRange piece = next_piece(at, end);
      units_.push_back({piece, tokens_, false, false});
      at = skip_spaces(piece.end, end);
    }
    if (!units_.empty()) units_.back().ends_paragraph = sentence.ends_paragraph;
  }

 private:
  static constexpr std::size_t kBytesOfToken = 64;

  /// The largest piece that was found to fit, by doubling and then by proportion.
  TextRange next_piece(std::size_t begin, std::size_t end) {
    const std::size_t most = std::min(end - begin, max_bytes());
    std::size_t size = std::min(most, expected_bytes_);
    TextRange best{};
    for (;;) {
      const TextRange piece{begin, cut(begin, begin + size, end)};
      const std::size_t tokens = count_tokens_(piece.of(text_));
      if (tokens > max_tokens_) {
        if (best.size() > 0) return best;
        const std::size_t first = first_code_point(begin);
        if (piece.end == first) return take(piece, tokens);
        const std::size_t less = std::min(size * max_tokens_ / tokens, size * 9 / 10);
        size = std::max<std::size_t>(1, std::min(less, piece.size() - 1));
        // One character alone does not fit: it is cut.
        if (piece.end <= character_end(begin, end)) return cut_character(begin, piece.end);
        continue;
      }
      best = take(piece, tokens);
      if (piece.end == end || tokens * 2 >= max_tokens_ || size == most) return best;
      size = std::min(most, size * 2);
    }
  }

  TextRange take(const TextRange& piece, std::size_t tokens) {
    tokens_ = tokens;
    expected_bytes_ = std::max<std::size_t>(piece.size(), 16);
    return piece;
  }

  /// The longest begin of a character that fits, by halves.
  TextRange cut_character(std::size_t begin, std::size_t end) {
    for (;;) {
      const std::size_t first = first_code_point(begin);
      const std::size_t middle = begin + (end - begin) / 2;
      end = std::max(first, code_point_begin(middle, begin));
      const TextRange piece{begin, end};
      const std::size_t tokens = count_tokens_(piece.of(text_));
      if (tokens <= max_tokens_ || end == first) return take(piece, tokens);
    }
  }

  std::size_t first_code_point(std::size_t at) const { return at + next_utf8(text_, at).length; }

  std::size_t code_point_begin(std::size_t at, std::size_t least) const {
    while (at > least && at < text_.size() && (text_[at] & 0xC0) == 0x80) --at;
    return at;
  }

  /// The end of the grapheme at `at`, but not far behind a chunk.
  std::size_t character_end(std::size_t at, std::size_t end) const {
    const std::size_t limit = code_point_begin(std::min(end, at + max_bytes()), at);
    return grapheme_end(text_.substr(0, std::max(limit, first_code_point(at))), at);
  }

  /// A place to cut up to `limit`: before a line break, else before a space of the second half,
  /// else between graphemes; at least one grapheme.
  std::size_t cut(std::size_t begin, std::size_t limit, std::size_t end) const {
    if (limit >= end) return end;
    const std::size_t least = begin + (limit - begin) / 2;
    std::size_t at = begin, space = 0, line = 0;
    while (at <= limit) {
      const std::size_t next = character_end(at, end);
      const Utf8Step step = next_utf8(text_, at);
      const bool is_blank =
          is_space(step.code_point) && next - at <= std::max<std::size_t>(step.length, 2);
      if (is_blank && at > least) {
        space = at;
        if (step.code_point == '\n' || step.code_point == '\r') line = at;
      }
      if (next > limit) break;
      at = next;
    }
    if (line > 0) return trimmed_end(line, begin);
    if (space > 0) return trimmed_end(space, begin);
    return at > begin ? at : character_end(begin, end);
  }

  /// `end` without white space before it.
  std::size_t trimmed_end(std::size_t end, std::size_t begin) const {
    constexpr std::string_view kSpaces = " \t\r\n";
    while (end > begin + 1 && kSpaces.find(text_[end - 1]) != std::string_view::npos) --end;
    return end;
  }

  std::size_t skip_spaces(std::size_t at, std::size_t end) const {
    while (at < end) {
      const Utf8Step step = next_utf8(text_, at);
      if (!is_space(step.code_point)) break;
      const std::size_t next = character_end(at, end);
      if (next - at > std::max<std::size_t>(step.length, 2)) break;  // marks belong to it
      at = next;
    }
    return at;
  }

  std::string_view text_;
  std::size_t max_tokens_;
  const CountTokens& count_tokens_;
  std::vector<ChunkUnit>& units_;
  std::size_t tokens_ = 0;            ///< of the last piece
  std::size_t expected_bytes_ = 256;  ///< of a piece
};

class Chunker {
 public:
  Chunker(std::string_view text, const ChunkOptions& options, const CountTokens& count_tokens)
      : text_(text),
        max_tokens_(std::max<std::size_t>(options.max_tokens, 1)),
        overlap_tokens_(options.overlap_tokens),
        count_tokens_(count_tokens) {}

  std::vector<TextRange> divide() {
    find_units();
    std::size_t first = 0;
    while (first < units_.size()) {
      const std::size_t fresh = chunks_.empty() ? 0 : last_;
      last_ = fit(first, fresh);
      if (last_ < units_.size()) last_ = paragraph_end(first, fresh);
      chunks_.push_back({units_[first].range.begin, units_[last_ - 1].range.end});
      if (last_ == units_.size()) break;
      first = overlap_begin(first);
    }
    return std::move(chunks_);
  }

 private:
  void find_units() {
    UnitSplitter splitter(text_, max_tokens_, count_tokens_, units_);
    for (const Sentence& sentence : sentences(text_)) {
      if (sentence.range.size() <= splitter.max_bytes()) {
        const std::size_t tokens = count_tokens_(sentence.range.of(text_));
        if (tokens <= max_tokens_) {
          units_.push_back({sentence.range, tokens, true, sentence.ends_paragraph});
          continue;
        }
      }
      splitter.split(sentence);
    }
  }

  /// The end of the units from `first` on that fit together; at least one behind `fresh`, the
  /// first that is in no chunk. Fewer units are repeated if it does not fit with them.
  std::size_t fit(std::size_t& first, std::size_t fresh) {
    std::size_t tokens = 0, last = first;
    while (last < units_.size() && tokens + units_[last].tokens <= max_tokens_) {
      tokens += units_[last++].tokens;
    }
    while (last <= fresh) {
      tokens -= units_[first++].tokens;
      while (last < units_.size() && tokens + units_[last].tokens <= max_tokens_) {
        tokens += units_[last++].tokens;
      }
      if (first == fresh) last = std::max(last, fresh + 1);
    }
    // Together they may have more tokens than one by one.
    while (last > first + 1) {
      const std::size_t all =
          count_tokens_(TextRange{units_[first].range.begin, units_[last - 1].range.end}.of(text_));
      if (all <= max_tokens_) break;
      std::size_t dropped = 0;
      while (last > fresh + 1 && dropped < all - max_tokens_) dropped += units_[--last].tokens;
      while (first < fresh && dropped < all - max_tokens_) dropped += units_[first++].tokens;
      if (dropped == 0) last > fresh + 1 ? static_cast<void>(--last) : static_cast<void>(++first);
    }
    return last;
  }

  /// The last end of a paragraph in the second half of the chunk, else its end.
  std::size_t paragraph_end(std::size_t first, std::size_t fresh) const {
    std::size_t tokens = 0, best = last_;
    for (std::size_t i = first; i < last_; ++i) {
      tokens += units_[i].tokens;
      if (units_[i].ends_paragraph && i >= fresh && tokens * 2 >= max_tokens_) best = i + 1;
    }
    return best;
  }

  /// The first of the last sentences that the next chunk repeats.
  std::size_t overlap_begin(std::size_t first) const {
    std::size_t begin = last_, tokens = 0;
    while (begin > first + 1 && units_[begin - 1].is_sentence &&
           tokens + units_[begin - 1].tokens <= overlap_tokens_) {
      tokens += units_[--begin].tokens;
    }
    const auto repeats_too_many = [&] {
      const TextRange shared{units_[begin].range.begin, units_[last_ - 1].range.end};
      return count_tokens_(shared.of(text_)) > overlap_tokens_;
    };
    while (begin < last_ && repeats_too_many()) ++begin;
    return begin;
  }

  std::string_view text_;
  std::size_t max_tokens_;
  std::size_t overlap_tokens_;
  const CountTokens& count_tokens_;
  std::vector<ChunkUnit> units_;
  std::vector<TextRange> chunks_;
  std::size_t last_ = 0;  ///< behind the last unit of the last chunk
};

}  // namespace

std::vector<TextRange> chunks(std::string_view text, const ChunkOptions& options,
                              const CountTokens& count_tokens) {
  return Chunker(text, options, count_tokens).divide();
}

}  // namespace oko::text

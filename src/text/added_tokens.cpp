#include "text/added_tokens.h"

#include <algorithm>
#include <array>

#include "text/unicode_table.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

using Added = TokenizerTable::Added;

/// The added token with the longest content at the start of `text`, or null: narrows the sorted
/// contents byte by byte. Special tokens count only with `with_special`.
const Added* longest_prefix(const TokenizerTable& table, std::span<const Added> sorted,
                            std::string_view text, bool with_special) {
  const Added* longest = nullptr;
  for (std::size_t depth = 0; !sorted.empty(); ++depth) {
    const Added& shortest = sorted.front();
    if (shortest.length == depth && (with_special || !table.is_special(shortest.id))) {
      longest = &shortest;
    }
    if (depth == text.size()) break;
    const auto byte_at = [&](const Added& added) {
      return depth < added.length ? static_cast<unsigned char>(table.content(added)[depth]) : -1;
    };
    const int byte = static_cast<unsigned char>(text[depth]);
    const auto first = std::partition_point(
        sorted.begin(), sorted.end(), [&](const Added& added) { return byte_at(added) < byte; });
    const auto last = std::partition_point(
        first, sorted.end(), [&](const Added& added) { return byte_at(added) == byte; });
    sorted = {first, last};
  }
  return longest;
}

std::uint8_t properties_at(std::string_view text, std::size_t at) {
  return UnicodeTable::get()[next_valid_utf8(text.data() + at).code_point];
}

/// The start of the character that ends at `end` > 0.
std::size_t character_start(std::string_view text, std::size_t end) {
  do {
    --end;
  } while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool touches_word(std::string_view text, std::size_t first, std::size_t last) {
  constexpr std::uint8_t kWord = UnicodeTable::kWord;
  return (first > 0 && (properties_at(text, character_start(text, first)) & kWord)) ||
         (last < text.size() && (properties_at(text, last) & kWord));
}

std::size_t skip_space_left(std::string_view text, std::size_t at) {
  while (at > 0) {
    const std::size_t before = character_start(text, at);
    if (!(properties_at(text, before) & UnicodeTable::kSpace)) break;
    at = before;
  }
  return at;
}

std::size_t skip_space_right(std::string_view text, std::size_t at) {
  while (at < text.size() && (properties_at(text, at) & UnicodeTable::kSpace)) {
    at += next_valid_utf8(text.data() + at).length;
  }
  return at;
}

}  // namespace

std::vector<TextSpan> split_at_added_tokens(const TokenizerTable& table, bool after_nfc,
                                            std::string_view text, bool with_special) {
  const std::span<const Added> added = table.added(after_nfc);
  if (added.empty()) return {TextSpan{text}};
  std::array<bool, 256> begins{};
  for (const Added& token : added) {
    begins[static_cast<unsigned char>(table.content(token)[0])] = true;
  }
  std::vector<TextSpan> spans;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Added* token = begins[static_cast<unsigned char>(text[at])]
                             ? longest_prefix(table, added, text.substr(at), with_special)
                             : nullptr;
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t first = at;
    std::size_t last = at = at + token->length;
    if ((token->flags & TokenizerTable::kSingleWord) && touches_word(text, first, last)) continue;
    if (token->flags & TokenizerTable::kStripLeft) {
      first = std::max(skip_space_left(text, first), done);
    }
    if (token->flags & TokenizerTable::kStripRight) last = skip_space_right(text, last);
    if (done < first) spans.push_back({text.substr(done, first - done)});
    spans.push_back({text.substr(first, last - first), token});
    done = last;
  }
  if (done < text.size()) spans.push_back({text.substr(done)});
  return spans;
}

}  // namespace oko::text

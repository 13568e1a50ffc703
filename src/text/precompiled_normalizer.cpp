#include "text/precompiled_normalizer.h"

#include "text/charsmap.h"
#include "text/grapheme.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

/// Appends the replacement for the start of `text`; returns false if no rule fits.
bool append_replacement(const UnigramTable& table, std::string_view text, std::string& out) {
  const std::uint32_t rule = table.rules().shortest_prefix(text);
  if (rule == DoubleArray::kNone) return false;
  out += table.replacement(rule);
  return true;
}

}  // namespace

std::size_t normalize_precompiled(const UnigramTable& table, std::string_view text, std::size_t at,
                                  std::size_t enough, std::string& out) {
  const auto is_printable_ascii = [](char c) { return c >= 0x20 && c < 0x7F; };
  while (at < text.size() && out.size() < enough) {
    // A printable ASCII character before another one is a cluster by itself.
    const bool alone =
        is_printable_ascii(text[at]) && (at + 1 == text.size() || is_printable_ascii(text[at + 1]));
    const std::size_t end = alone ? at + 1 : grapheme_end(text, at);
    const std::string_view cluster = text.substr(at, end - at);
    at = end;
    if (cluster.size() <= kMaxClusterBytes && append_replacement(table, cluster, out)) continue;
    for (std::size_t i = 0; i < cluster.size();) {
      const std::size_t length = next_valid_utf8(cluster.data() + i).length;
      const std::string_view character = cluster.substr(i, length);
      if (!append_replacement(table, character, out)) out += character;
      i += length;
    }
  }
  return at;
}

}  // namespace oko::text

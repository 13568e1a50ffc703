#include "text/normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "text/unicode_table.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

enum class Finding { kPlain, kFollower, kIllFormed };

/// True if anything in `text` may have to change.
Finding inspect(std::string_view text) {
  const UnicodeTable& table = UnicodeTable::get();
  Finding finding = Finding::kPlain;
  for (std::size_t at = 0; at < text.size();) {
    std::uint64_t word;
    if (at + 8 <= text.size()) {
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const Utf8Step step = next_utf8(text, at);
    if (step.kind != Utf8Step::Kind::kValid) return Finding::kIllFormed;
    if (table[step.code_point] & UnicodeTable::kNfcFollower) finding = Finding::kFollower;
    at += step.length;
  }
  return finding;
}

/// NFC of a leader (or none) and its followers. Sorts into canonical order itself: utf8proc 2.8
/// exchanges neighbours, quadratic on long runs of marks.
void append_composed(std::string_view run, std::string& out) {
  std::vector<utf8proc_int32_t> points;
  for (std::size_t at = 0; at < run.size();) {
    const Utf8Step step = next_valid_utf8(run.data() + at);
    at += step.length;
    utf8proc_int32_t parts[8];
    const auto count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(step.code_point), parts, 8,
                                static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE), nullptr);
    points.insert(points.end(), parts, parts + std::clamp<utf8proc_ssize_t>(count, 0, 8));
  }
  const auto combining_class = [](utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
  };
  for (auto at = points.begin(); at != points.end();) {
    const auto end =
        std::find_if(at, points.end(), [&](utf8proc_int32_t c) { return combining_class(c) == 0; });
    std::stable_sort(at, end, [&](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining_class(a) < combining_class(b);
    });
    at = end == points.end() ? end : end + 1;
  }
  const auto composed =
      utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  points.resize(static_cast<std::size_t>(composed));
  for (const utf8proc_int32_t c : points) append_utf8(out, static_cast<char32_t>(c));
}

std::string compose(std::string_view text) {
  const UnicodeTable& table = UnicodeTable::get();
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step first = next_valid_utf8(text.data() + at);
    std::size_t end = at + first.length;
    const std::uint8_t properties = table[first.code_point];
    if (properties & (UnicodeTable::kNfcLeader | UnicodeTable::kNfcFollower)) {
      while (end < text.size()) {
        const Utf8Step step = next_valid_utf8(text.data() + end);
        if (!(table[step.code_point] & UnicodeTable::kNfcFollower)) break;
        end += step.length;
      }
    }
    const std::string_view run = text.substr(at, end - at);
    const bool alone = run.size() == first.length;
    if (alone && !(properties & UnicodeTable::kNfcFollower)) {
      out += run;
    } else {
      append_composed(run, out);
    }
    at = end;
  }
  return out;
}

}  // namespace

std::string_view normalize_text(std::string_view text, std::string& storage) {
  Finding finding = inspect(text);
  if (finding == Finding::kPlain) return text;
  if (finding == Finding::kIllFormed) {
    storage = replace_invalid_utf8(text);
    finding = inspect(storage);
    text = storage;
  }
  if (finding == Finding::kFollower) storage = compose(text);
  return storage;
}

}  // namespace oko::text

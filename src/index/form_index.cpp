#include "index/form_index.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "index/fts_string.h"
#include "text/code_point_count.h"
#include "text/edit_distance.h"
#include "text/utf8.h"

namespace oko::index {
namespace {

constexpr std::size_t kTrigram = 3;
constexpr std::size_t kMaxKnown = 1'000'000;
constexpr std::size_t kMostWithPart = 200;
/// Of a part of a misspelt word, which may be an ending that many have. The first are frequent
/// words: those come early.
constexpr std::size_t kMostWithRest = 3000;
constexpr std::size_t kLongWord = 8;  ///< letters, from which two may be wrong

/// Where the letters of a word begin, and its end.
std::vector<std::size_t> letter_starts(std::string_view form) {
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < form.size(); at += text::next_utf8(form, at).length) {
    starts.push_back(at);
  }
  starts.push_back(form.size());
  return starts;
}

/// The parts of a word of which a form that differs in `distance` letters has one: its beginning,
/// and others of three letters or more.
std::vector<std::string_view> parts_of(std::string_view form, std::size_t distance) {
  const std::vector<std::size_t> starts = letter_starts(form);
  const std::size_t letters = starts.size() - 1;
  const auto part = [&](std::size_t first, std::size_t last) {
    return form.substr(starts[first], starts[last] - starts[first]);
  };
  if (distance == 1) {
    // Forms by their beginning are found fast; rests that are long have few.
    const std::size_t first = letters == 4 ? 1 : letters < kLongWord ? 2 : 3;
    return {part(0, first), part(first, letters)};
  }
  const std::size_t first = (letters - 2) / 3, middle = first + (letters - first) / 2;
  return {part(0, first), part(first, middle), part(middle, letters)};
}

}  // namespace

FormIndex::FormIndex(SqliteDatabase& database)
    : insert_(database, "INSERT OR IGNORE INTO forms(form) VALUES(?1) RETURNING id"),
      insert_trigrams_(database, "INSERT INTO form_trigrams(rowid, form) VALUES(?1, ?2)"),
      containing_(database,
                  "SELECT form FROM form_trigrams WHERE form_trigrams MATCH ?1"
                  " ORDER BY rowid LIMIT ?2"),
      beginning_(database, "SELECT form FROM forms WHERE form >= ?1 AND form < ?2") {}

void FormIndex::add(std::string_view form) {
  if (text::code_point_count(form) < kTrigram) return;
  if (known_.size() > kMaxKnown) known_.clear();
  if (!known_.insert(std::hash<std::string_view>{}(form)).second) return;
  insert_.bind(1, form);
  const bool is_new = insert_.step();
  const std::int64_t id = is_new ? insert_.integer(0) : 0;
  insert_.reset();
  if (is_new) insert_trigrams_.bind(1, id).bind(2, form).run();
}

std::vector<std::string> FormIndex::that_contain(std::string_view part, std::size_t count) {
  std::vector<std::string> forms;
  containing_.bind(1, fts_string(part)).bind(2, static_cast<std::int64_t>(count));
  while (containing_.step()) forms.emplace_back(containing_.text(0));
  containing_.reset();
  return forms;
}

std::vector<std::string> FormIndex::that_begin_with(std::string_view part) {
  constexpr std::string_view kLast = "\xf4\x8f\xbf\xbf";  // U+10FFFF
  std::vector<std::string> forms;
  beginning_.bind(1, part).bind(2, std::string(part).append(kLast));
  while (beginning_.step()) forms.emplace_back(beginning_.text(0));
  beginning_.reset();
  return forms;
}

std::vector<std::string> FormIndex::within(std::string_view form, std::size_t distance) {
  const std::size_t letters = text::code_point_count(form);
  std::vector<std::string> found;
  const auto keep = [&](std::vector<std::string> forms) {
    for (std::string& each : forms) {
      const std::size_t length = text::code_point_count(each);
      const std::size_t longer = length > letters ? length - letters : letters - length;
      if (longer > distance || text::edit_distance(form, each) != distance) continue;
      found.push_back(std::move(each));
    }
  };
  const std::vector<std::string_view> parts = parts_of(form, distance);
  keep(that_begin_with(parts.front()));
  for (std::size_t i = 1; i < parts.size(); ++i) keep(that_contain(parts[i], kMostWithRest));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::vector<std::string> FormIndex::with(std::string_view part) {
  std::vector<std::string> found = that_contain(part, kMostWithPart);
  std::stable_sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    return text::code_point_count(a) < text::code_point_count(b);
  });
  return found;
}

std::vector<std::string> FormIndex::near(std::string_view form) {
  const std::size_t most = text::code_point_count(form) < kLongWord ? 1 : 2;
  std::vector<std::string> found;
  for (std::size_t distance = 1; distance <= most && found.empty(); ++distance) {
    found = within(form, distance);
  }
  return found;
}

}  // namespace oko::index

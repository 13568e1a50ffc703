#include "document/block_writer.h"

#include <array>
#include <cstddef>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/trimmed.h"
#include "text/characters.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

/// Appends characters, with white space held back until another character follows.
class SpaceKeeper {
 public:
  explicit SpaceKeeper(bool collapses) : collapses_(collapses) {}

  void add(std::string_view bytes, char32_t c) {
    if (c == 0xAD || c == 0xFEFF || c == 0x200B) return;
    if (c == '\n' || c == 0x2028 || c == 0x2029 || c == 0x85 || c == 0x0B || c == 0x0C) {
      keep('\n');
    } else if (c == '\t') {
      keep('\t');
    } else if (oko::text::is_space(c) && c != '\r') {
      keep(' ');
    } else if (!oko::text::is_control(c)) {
      text_ += kept_;
      kept_.clear();
      text_ += bytes;
    }
  }

  std::string take() { return std::move(text_); }

 private:
  /// A line break is stronger than a tab, a tab stronger than a space.
  void keep(char space) {
    if (space == '\n') {
      while (!kept_.empty() && kept_.back() != '\n') kept_.pop_back();
    }
    if (collapses_ && !kept_.empty()) {
      if (space == '\n' || (space == '\t' && kept_ == " ")) kept_ = space;
      return;
    }
    if (text_.empty() && (collapses_ || space == '\n')) {  // before the text
      if (space == '\n') kept_.clear();
      return;
    }
    kept_ += space;
  }

  bool collapses_;
  std::string text_;
  std::string kept_;  ///< white space since the last character
};

LocalizedText too_large(const std::string& name, const LocalizedText& what, std::uint64_t limit) {
  return tr("{}: {} is over the limit of {}", "{}: {} больше предела в {}", name, what,
            format_bytes(limit));
}

/// `count` digits of `text` from `at`; -1 if they are not all digits.
int digits_at(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// The offset of a zone ("+03:00", "+0300"); 0 for "Z" and for anything else.
std::chrono::seconds zone_offset(std::string_view zone) {
  if (zone.size() < 5 || (zone[0] != '+' && zone[0] != '-')) return {};
  const int hours = digits_at(zone, 1, 2);
  const int minutes = digits_at(zone, zone[3] == ':' ? 4 : 3, 2);
  if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return {};
  const std::chrono::seconds offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return zone[0] == '-' ? -offset : offset;
}

}  // namespace

std::string clean_text(std::string_view text, bool collapses) {
  SpaceKeeper keeper(collapses);
  for (std::size_t at = 0; at < text.size();) {
    const oko::text::Utf8Step step = oko::text::next_utf8(text, at);
    const bool is_valid = step.kind == oko::text::Utf8Step::Kind::kValid;
    const bool ends_line = step.code_point == '\r' && text.substr(at + 1, 1) != "\n";
    keeper.add(is_valid ? text.substr(at, step.length) : "\xEF\xBF\xBD",
               ends_line ? '\n' : step.code_point);
    at += step.length;
  }
  return keeper.take();
}

std::string clean_line(std::string_view text) {
  std::string line = clean_text(text, true);
  for (char& c : line) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return line;
}

void BlockWriter::add(TextBlock::Kind kind, int level, std::string_view text) {
  const bool keeps_spaces = kind == TextBlock::Kind::kCode;
  std::string clean = clean_text(text, !keeps_spaces);
  if (trimmed(clean).empty()) return;
  require_room(clean.size());
  if (document_.blocks.size() >= limits_.max_blocks) {
    throw Error(ErrorCode::kTooLarge, tr("{}: its text has more than {} blocks",
                                         "{}: в его тексте больше {:блока|блоков|блоков}", name_,
                                         Count(limits_.max_blocks)));
  }
  text_bytes_ += clean.size();
  document_.blocks.push_back({kind, level, std::move(clean)});
}

void BlockWriter::require_room(std::uint64_t bytes) const {
  if (text_bytes_ + bytes <= limits_.max_text_bytes) return;
  throw Error(ErrorCode::kTooLarge,
              too_large(name_, tr("its text", "его текст"), limits_.max_text_bytes));
}

void BlockWriter::count_unpacked(std::uint64_t bytes) {
  unpacked_bytes_ += bytes;
  if (unpacked_bytes_ <= limits_.max_unpacked_bytes) return;
  throw Error(
      ErrorCode::kTooLarge,
      too_large(name_, tr("its unpacked content", "его распакованное содержимое"),
                limits_.max_unpacked_bytes),
      tr("the file may be made to fill the memory", "возможно, файл сделан, чтобы занять память"));
}

void BlockWriter::require_depth(int depth) const {
  if (depth <= limits_.max_depth) return;
  throw Error(ErrorCode::kTooLarge,
              tr("{}: its parts are nested deeper than {} levels",
                 "{}: его части вложены глубже {} уровней", name_, limits_.max_depth));
}

std::optional<std::chrono::sys_seconds> parse_iso_date(std::string_view text) {
  using namespace std::chrono;
  text = trimmed(text);
  const int years = digits_at(text, 0, 4), months = digits_at(text, 5, 2),
            days_of_month = digits_at(text, 8, 2);
  if (years < 1 || months < 1 || days_of_month < 1 || text[4] != '-' || text[7] != '-') return {};
  const year_month_day day{year(years), month(static_cast<unsigned>(months)),
                           std::chrono::day(static_cast<unsigned>(days_of_month))};
  if (!day.ok()) return {};
  sys_seconds time = sys_days(day);
  if (text.size() < 16 || (text[10] != 'T' && text[10] != ' ')) return time;
  const int hour = digits_at(text, 11, 2), minute = digits_at(text, 14, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return time;
  time += hours(hour) + minutes(minute);
  const int second = text.size() >= 19 && text[16] == ':' ? digits_at(text, 17, 2) : 0;
  if (second > 0 && second < 60) time += seconds(second);
  const std::size_t zone = text.find_first_of("+-Z", 16);
  return zone == std::string_view::npos ? time : time - zone_offset(text.substr(zone));
}

}  // namespace oko::document

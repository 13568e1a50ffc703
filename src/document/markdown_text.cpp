#include "document/markdown_text.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/lower_case.h"
#include "base/trimmed.h"
#include "document/markdown_inline.h"
#include "document/text_encoding.h"

namespace oko::document {
namespace {

using Kind = TextBlock::Kind;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::size_t indent_of(std::string_view line) {
  std::size_t columns = 0;
  for (const char c : line) {
    if (c == ' ') {
      ++columns;
    } else if (c == '\t') {
      columns += 4 - columns % 4;
    } else {
      break;
    }
  }
  return columns;
}

/// The length of the run of `c` at the begin of a line.
std::size_t run_of(std::string_view line, char c) {
  return std::min(line.find_first_not_of(c), line.size());
}

/// True for "---", "* * *" and "===": at least `least` of one sign and spaces.
bool is_rule(std::string_view line, std::string_view signs, std::size_t least) {
  if (line.empty() || signs.find(line[0]) == std::string_view::npos) return false;
  const char sign = line[0];
  std::size_t count = 0;
  for (const char c : line) {
    if (c == sign) ++count;
    if (c != sign && c != ' ' && c != '\t') return false;
  }
  return count >= least;
}

/// The length of the mark of an item, "- " or "12. ", with its space; 0 if there is none.
std::size_t item_mark(std::string_view line) {
  std::size_t end = 0;
  if (!line.empty() && (line[0] == '-' || line[0] == '*' || line[0] == '+')) {
    end = 1;
  } else {
    while (end < line.size() && end < 9 && line[end] >= '0' && line[end] <= '9') ++end;
    if (end == 0 || end == line.size() || (line[end] != '.' && line[end] != ')')) return 0;
    ++end;
  }
  if (end == line.size()) return end;
  return line[end] == ' ' || line[end] == '\t' ? end + 1 : 0;
}

/// True for the line "|---|:-:|" below the head of a table.
bool is_table_rule(std::string_view line) {
  return line.find('-') != std::string_view::npos && line.find('|') != std::string_view::npos &&
         line.find_first_not_of("|-: \t") == std::string_view::npos;
}

/// The cells of a row with \t between them.
std::string row_words(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  if (line.ends_with('|') && !line.ends_with("\\|")) line.remove_suffix(1);
  std::string row, cell;
  const auto end_cell = [&] {
    if (!row.empty()) row += '\t';
    row += clean_line(markdown_words(cell));
    cell.clear();
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cell += '|';
      ++i;
    } else if (line[i] == '|') {
      end_cell();
    } else {
      cell += line[i];
    }
  }
  end_cell();
  return row;
}

/// "[name]: address", which names the target of a link; not "[^1]: text" of a footnote.
bool is_link_target(std::string_view line) {
  if (!line.starts_with('[') || line.starts_with("[^")) return false;
  const std::size_t end = line.find("]:");
  return end != std::string_view::npos && end > 1 && end == line.find(']');
}

/// A line of a quotation without its marks.
std::string_view without_quotation(std::string_view line) {
  while (trimmed(line).starts_with('>')) {
    line = trimmed(line).substr(1);
    if (line.starts_with(' ')) line.remove_prefix(1);
  }
  return line;
}

std::string_view unquoted(std::string_view value) {
  value = trimmed(value);
  const bool is_quoted = value.size() >= 2 && value.front() == value.back() &&
                         (value.front() == '"' || value.front() == '\'');
  return is_quoted ? value.substr(1, value.size() - 2) : value;
}

class MarkdownReader {
 public:
  MarkdownReader(std::string_view text, BlockWriter& writer)
      : lines_(lines_of(text)), writer_(writer) {}

  void read() {
    read_front_matter();
    while (at_ < lines_.size()) read_line();
    flush();
    TextDocument& document = writer_.document();
    if (!document.title.empty()) return;
    const auto heading = std::find_if(
        document.blocks.begin(), document.blocks.end(),
        [](const TextBlock& each) { return each.level == 1 && each.kind == Kind::kHeading; });
    if (heading != document.blocks.end()) document.title = heading->text;
  }

 private:
  void read_front_matter() {
    if (lines_.empty()) return;
    const std::string_view mark = trimmed(lines_[0]);
    if (mark != "---" && mark != "+++") return;
    constexpr std::size_t kMostLines = 500;
    const std::size_t most = std::min(lines_.size(), kMostLines);
    std::size_t end = 1;
    while (end < most && trimmed(lines_[end]) != mark && trimmed(lines_[end]) != "...") ++end;
    if (end == most) return;
    for (std::size_t i = 1; i < end; ++i) read_property(lines_[i], mark == "+++" ? '=' : ':');
    flush();
    at_ = end + 1;
  }

  /// "title: Words"; lines without a key belong to a list of the key before.
  void read_property(std::string_view line, char sign) {
    const std::size_t at = line.find(sign);
    const std::string_view name = line.substr(0, at == std::string_view::npos ? 0 : at);
    const bool has_key = !name.empty() && !name.starts_with(' ') && !name.starts_with('-');
    if (has_key) key_ = lower_case(trimmed(name));
    const std::string_view value = unquoted(has_key ? line.substr(at + 1) : line);
    TextDocument& document = writer_.document();
    static constexpr std::array<std::string_view, 7> kSearched{
        "tags", "keywords", "categories", "description", "summary", "author", "authors"};
    if (key_ == "title" && has_key) {
      document.title = value;
    } else if (key_ == "date") {
      if (!document.date) document.date = parse_iso_date(value);
    } else if (key_ == "lang" || key_ == "language") {
      document.language = value;
    } else if (std::find(kSearched.begin(), kSearched.end(), key_) != kSearched.end()) {
      for (const char c : value)
        text_ += std::string_view("[]\"'").find(c) == std::string_view::npos ? c : ' ';
      text_ += '\n';
    }
  }

  void read_line() {
    const std::string_view line = without_quotation(lines_[at_]);
    const std::size_t indent = indent_of(line);
    const std::string_view content = trimmed(line);
    if (content.empty()) {
      flush();
      after_blank_ = true;
      ++at_;
    } else if (content.starts_with("```") || content.starts_with("~~~")) {
      read_fence(content);
    } else if (content.starts_with("<!--")) {
      skip_comment();
    } else if (indent >= 4 && after_blank_ && items_.empty()) {
      read_indented_code();
    } else if (!read_heading(content) && !read_table(content) && !read_item(content, indent)) {
      add_line(content, indent);
    }
    if (!content.empty()) after_blank_ = false;
  }

  void read_fence(std::string_view opening) {
    flush();
    const char sign = opening[0];
    const std::size_t length = run_of(opening, sign);
    const bool is_quoted = trimmed(lines_[at_]).starts_with('>');
    std::string code;
    for (++at_; at_ < lines_.size(); ++at_) {
      std::string_view line = lines_[at_];
      if (is_quoted && !trimmed(line).starts_with('>')) break;
      if (is_quoted) line = without_quotation(line);
      const std::string_view content = trimmed(line);
      if (run_of(content, sign) >= length && run_of(content, sign) == content.size()) break;
      code += line;
      code += '\n';
    }
    ++at_;
    writer_.add(Kind::kCode, 0, code);
  }

  void skip_comment() {
    flush();
    while (at_ < lines_.size() && lines_[at_].find("-->") == std::string_view::npos) ++at_;
    if (at_ == lines_.size()) return;
    lines_[at_].remove_prefix(lines_[at_].find("-->") + 3);
  }

  void read_indented_code() {
    std::string code;
    for (; at_ < lines_.size(); ++at_) {
      if (!trimmed(lines_[at_]).empty() && indent_of(lines_[at_]) < 4) break;
      code += lines_[at_];
      code += '\n';
    }
    writer_.add(Kind::kCode, 0, code);
  }

  bool read_heading(std::string_view line) {
    const std::size_t level = run_of(line, '#');
    if (level >= 1 && level <= 6 &&
        (level == line.size() || line[level] == ' ' || line[level] == '\t')) {
      flush();
      line = trimmed(line.substr(level));
      const std::size_t last = line.find_last_not_of('#');
      if (last == std::string_view::npos) line = {};
      if (last + 1 < line.size() && line[last] == ' ') line = line.substr(0, last);
      writer_.add(Kind::kHeading, static_cast<int>(level), markdown_words(line));
      items_.clear();
    } else if (kind_ == Kind::kParagraph && !text_.empty() && is_rule(line, "=-", 1) &&
               line.find(' ') == std::string_view::npos) {
      kind_ = Kind::kHeading;
      level_ = line[0] == '=' ? 1 : 2;
      flush();
    } else if (is_rule(line, "-*_", 3)) {
      flush();
    } else {
      return false;
    }
    ++at_;
    return true;
  }

  bool read_table(std::string_view line) {
    if (line.find('|') == std::string_view::npos || at_ + 1 == lines_.size()) return false;
    if (!is_table_rule(trimmed(lines_[at_ + 1]))) return false;
    flush();
    writer_.add(Kind::kTableRow, 0, row_words(line));
    for (at_ += 2; at_ < lines_.size(); ++at_) {
      if (lines_[at_].find('|') == std::string_view::npos) break;
      writer_.add(Kind::kTableRow, 0, row_words(lines_[at_]));
    }
    return true;
  }

  bool read_item(std::string_view line, std::size_t indent) {
    const std::size_t mark = item_mark(line);
    if (mark == 0) return false;
    flush();
    while (!items_.empty() && items_.back() >= indent + 1) items_.pop_back();
    constexpr std::size_t kDeepest = 20;
    if (items_.size() < kDeepest) items_.push_back(indent + 1);
    kind_ = Kind::kListItem;
    level_ = static_cast<int>(items_.size());
    line = trimmed(line.substr(mark));
    if (line.starts_with("[ ]") || line.starts_with("[x]") || line.starts_with("[X]")) {
      line.remove_prefix(3);
    }
    text_ = line;
    text_ += '\n';
    ++at_;
    return true;
  }

  void add_line(std::string_view line, std::size_t indent) {
    ++at_;
    if (text_.empty() && is_link_target(line)) return;
    if (text_.empty() && line.starts_with("[^") && line.find("]:") != std::string_view::npos) {
      line = line.substr(line.find("]:") + 2);
    }
    if (text_.empty() && indent == 0) items_.clear();
    text_ += line;
    text_ += '\n';
  }

  void flush() {
    if (!text_.empty()) writer_.add(kind_, level_, markdown_words(text_));
    text_.clear();
    kind_ = Kind::kParagraph;
    level_ = 0;
  }

  std::vector<std::string_view> lines_;
  BlockWriter& writer_;
  std::size_t at_ = 0;
  bool after_blank_ = true;
  std::vector<std::size_t> items_;  ///< of open lists their indents plus 1
  std::string key_;                 ///< of the front matter
  Kind kind_ = Kind::kParagraph;
  int level_ = 0;
  std::string text_;  ///< of the block
};

}  // namespace

void read_markdown_text(std::string_view bytes, BlockWriter& writer) {
  const std::string text = decode_text(bytes);
  MarkdownReader(text, writer).read();
}

}  // namespace oko::document

#include "document/content_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace oko::document {
namespace {

constexpr std::string_view kSpaces("\0\t\n\f\r ", 6);
constexpr std::string_view kDelimiters = "()<>[]{}/%";
constexpr int kInvisible = 3;  // a render mode

bool is_space(char c) {
  return kSpaces.find(c) != std::string_view::npos;
}

bool is_regular(char c) {
  return !is_space(c) && kDelimiters.find(c) == std::string_view::npos;
}

bool is_number(std::string_view token) {
  return token.find_first_not_of("+-.0123456789") == std::string_view::npos;
}

bool shows_text(std::string_view name) {
  return name == "Tj" || name == "TJ" || name == "'" || name == "\"";
}

/// The value of an entry of an inline image: a name with its slash, a number, "[" and what is in
/// an array. Empty: there is none.
std::string_view value_of(std::string_view entries, std::string_view key, std::string_view full) {
  std::size_t at = 0;
  const auto skip_spaces = [&] {
    while (at < entries.size() && is_space(entries[at])) ++at;
  };
  const auto token = [&] {
    skip_spaces();
    const std::size_t begin = at;
    const char first = at < entries.size() ? entries[at] : '/';
    if (first == '[' || first == '<') {
      at = std::min(entries.find(first == '[' ? "]" : ">>", at), entries.size());
      return entries.substr(begin, at - begin);
    }
    if (at < entries.size()) ++at;
    while (at < entries.size() && is_regular(entries[at])) ++at;
    return entries.substr(begin, at - begin);
  };
  while (at < entries.size()) {
    std::string_view name = token();
    if (!name.starts_with('/')) continue;
    name.remove_prefix(1);
    const std::string_view value = token();
    if (name == key || name == full) return value;
  }
  return {};
}

/// The samples of a pixel; 0: unknown.
std::size_t samples_of(std::string_view colours) {
  if (colours == "/G" || colours == "/DeviceGray") return 1;
  if (colours == "/RGB" || colours == "/DeviceRGB") return 3;
  if (colours == "/CMYK" || colours == "/DeviceCMYK") return 4;
  if (!colours.starts_with('[')) return 0;
  const std::string_view kind = colours.substr(std::min(colours.find('/'), colours.size()));
  const bool is_indexed = kind.starts_with("/Indexed") ||
                          (kind.starts_with("/I") && kind.size() > 2 && !is_regular(kind[2]));
  return is_indexed ? 1 : 0;
}

/// Bytes of an inline image without a filter; 0: unknown.
std::size_t size_of_data(std::string_view entries) {
  constexpr std::size_t kMost = 1 << 20;  // of a side
  const auto number = [&](std::string_view key, std::string_view full) -> std::size_t {
    const int value = std::atoi(std::string(value_of(entries, key, full)).c_str());
    return value > 0 ? std::min(static_cast<std::size_t>(value), kMost) : 0;
  };
  if (!value_of(entries, "F", "Filter").empty()) return 0;
  const bool is_mask = value_of(entries, "IM", "ImageMask") == "true";
  const std::size_t bits = is_mask ? 1
                                   : samples_of(value_of(entries, "CS", "ColorSpace")) *
                                         number("BPC", "BitsPerComponent");
  return (number("W", "Width") * bits + 7) / 8 * number("H", "Height");
}

/// Operators that set the spacing of words and letters like the operator " with these operands.
std::string distances_of(std::string_view operands) {
  const std::string text(operands.substr(0, operands.find_first_of("(<")));
  char* rest = nullptr;
  const double words = std::strtod(text.c_str(), &rest);
  return fmt::format("\n{:g} Tw {:g} Tc", words, std::strtod(rest, nullptr));
}

}  // namespace

std::optional<ContentOperation> ContentScanner::next() {
  const std::size_t begin = at_;
  bool any = false;  // an operand
  while (true) {
    while (at_ < content_.size() && is_space(content_[at_])) ++at_;
    if (at_ == content_.size()) {
      breaks_off_ |= any || depth_ > 0;
      return std::nullopt;
    }
    const std::size_t token = at_;
    if (!is_regular(content_[at_])) {
      any |= skip_token();
      continue;
    }
    std::string_view name = regular();
    if (is_number(name) || name == "true" || name == "false" || name == "null") {
      any = true;
      continue;
    }
    depth_ = 0;
    if (name == "BI") {
      skip_inline_image();
      if (breaks_off_) return std::nullopt;
      name = "EI";
    }
    return ContentOperation{content_.substr(begin, token - begin), name, begin, at_};
  }
}

/// Skips a token that begins with a delimiter. Returns true if it is an operand.
bool ContentScanner::skip_token() {
  const char c = content_[at_];
  const bool is_double = at_ + 1 < content_.size() && content_[at_ + 1] == c;
  ++at_;
  if (c == '%') {
    at_ = std::min(content_.find_first_of("\r\n", at_), content_.size());
    return false;
  }
  if (c == '(') {
    skip_string();
  } else if (c == '/') {
    regular();
  } else if ((c == '<' || c == '>') && is_double) {
    ++at_;
    depth_ += c == '<' ? 1 : -1;
  } else if (c == '[' || c == ']') {
    depth_ += c == '[' ? 1 : -1;
  } else if (c == '<') {
    at_ = content_.find('>', at_);
    breaks_off_ |= at_ == std::string_view::npos;
    at_ = std::min(at_, content_.size() - 1) + 1;
  }
  return true;
}

void ContentScanner::skip_string() {
  for (int depth = 1; at_ < content_.size(); ++at_) {
    const char c = content_[at_];
    if (c == '\\') {
      ++at_;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      ++at_;
      return;
    }
  }
  at_ = content_.size();
  breaks_off_ = true;
}

std::string_view ContentScanner::regular() {
  const std::size_t begin = at_;
  while (at_ < content_.size() && is_regular(content_[at_])) ++at_;
  return content_.substr(begin, at_ - begin);
}

/// Skips the data of an inline image. White space, "EI" and white space end them; data of known
/// size may contain that, too.
void ContentScanner::skip_inline_image() {
  const auto ends_at = [&](std::size_t end) {
    return content_.substr(end).starts_with("EI") &&
           (end + 2 == content_.size() || is_space(content_[end + 2]));
  };
  std::size_t end = content_.find("ID", at_);
  if (end != std::string_view::npos) {
    const std::size_t size = size_of_data(content_.substr(at_, end - at_));
    std::size_t behind = std::min(end + 3 + size, content_.size());
    while (behind < content_.size() && is_space(content_[behind])) ++behind;
    if (size > 0 && ends_at(behind)) {
      at_ = behind + 2;
      return;
    }
  }
  while (end != std::string_view::npos) {
    end = content_.find("EI", end + 2);
    if (end == std::string_view::npos) break;
    if (is_space(content_[end - 1]) && ends_at(end)) {
      at_ = end + 2;
      return;
    }
  }
  at_ = content_.size();
  breaks_off_ = true;
}

ContentEnd end_of(std::string_view content) {
  ContentScanner scanner(content);
  bool in_text = false, has_images = false;
  bool cut = false;  // the last operator is "T", a rest of Tj, Td or another
  while (const auto operation = scanner.next()) {
    if (operation->name == "BT" || operation->name == "ET") in_text = operation->name == "BT";
    has_images |= operation->name == "EI";
    cut = operation->name == "T";
  }
  // The data of an image can hold anything, even the bytes that end it.
  if (has_images) return ContentEnd::kWhole;
  if (scanner.breaks_off() || cut) return ContentEnd::kBroken;
  return in_text ? ContentEnd::kInText : ContentEnd::kWhole;
}

std::optional<std::string> without_invisible_text(std::string_view content) {
  struct Cut {
    std::size_t begin, end;
    std::string instead;
  };
  std::vector<Cut> cuts, object;  // `object`: of the text object that is open
  bool all_invisible = true;      // in it
  std::vector<bool> saved;        // by q
  bool invisible = false;
  ContentScanner scanner(content);
  while (const auto operation = scanner.next()) {
    const std::string_view name = operation->name;
    if (name == "q") {
      saved.push_back(invisible);
    } else if (name == "Q" && !saved.empty()) {
      invisible = saved.back();
      saved.pop_back();
    } else if (name == "Tr") {
      invisible = std::atoi(std::string(operation->operands).c_str()) == kInvisible;
    } else if (name == "BT") {
      object.clear();
      all_invisible = true;
    } else if (name == "ET") {
      if (all_invisible) cuts.insert(cuts.end(), object.begin(), object.end());
      object.clear();
    } else if (shows_text(name)) {
      all_invisible = all_invisible && invisible;
      object.push_back({operation->begin, operation->end,
                        (name == "\"" ? distances_of(operation->operands) : "") + "\n"});
    }
  }
  if (cuts.empty() || scanner.breaks_off()) return std::nullopt;
  std::string result;
  std::size_t at = 0;
  for (const Cut& cut : cuts) {
    result.append(content, at, cut.begin - at).append(cut.instead);
    at = cut.end;
  }
  return result.append(content.substr(at));
}

}  // namespace oko::document

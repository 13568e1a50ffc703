#include "document/html_tokens.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/lower_case.h"
#include "document/html_entities.h"

namespace oko::document {
namespace {

constexpr std::string_view kHtmlSpaces = " \t\r\n\f";

bool is_html_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_html_space(char c) {
  return kHtmlSpaces.find(c) != std::string_view::npos;
}

template <std::size_t n>
bool is_listed(std::string_view name, const std::array<std::string_view, n>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 14> kVoidElements{
    "area",  "base", "br",   "col",   "embed",  "hr",    "img",
    "input", "link", "meta", "param", "source", "track", "wbr"};
/// Their content ends at their end tag alone.
constexpr std::array<std::string_view, 6> kRawElements{"script",  "style",    "iframe",
                                                       "noembed", "noframes", "xmp"};
constexpr std::array<std::string_view, 2> kRawTextElements{"title", "textarea"};
constexpr std::array<std::string_view, 10> kReadAttributes{
    "alt",  "aria-hidden", "content", "hidden", "lang",
    "name", "property",    "role",    "style",  "xml:lang"};

class HtmlTokenizer {
 public:
  HtmlTokenizer(std::string_view page, HtmlHandler& handler) : page_(page), handler_(handler) {}

  void read() {
    while (at_ < page_.size()) {
      const std::size_t tag = std::min(page_.find('<', at_), page_.size());
      give_text(page_.substr(at_, tag - at_));
      at_ = tag;
      if (at_ < page_.size()) read_tag();
    }
  }

 private:
  char peek(std::size_t ahead) const {
    return at_ + ahead < page_.size() ? page_[at_ + ahead] : '\0';
  }

  void give_text(std::string_view text) {
    if (!text.empty()) handler_.text(without_entities(text));
  }

  /// Moves behind the next `mark`, or to the end.
  void skip_past(std::string_view mark, std::size_t from) {
    const std::size_t found = page_.find(mark, std::min(from, page_.size()));
    at_ = found == std::string_view::npos ? page_.size() : found + mark.size();
  }

  void read_tag() {
    const char next = peek(1);
    if (is_html_letter(next)) {
      read_start();
    } else if (next == '/' && is_html_letter(peek(2))) {
      at_ += 2;
      const std::string name = read_name();
      HtmlAttributes ignored;
      read_attributes(ignored);
      handler_.end(name);
    } else if (page_.substr(at_, 4) == "<!--") {
      // "<!-->" and "<!--->" are whole comments.
      skip_past(page_.substr(at_ + 4, 1) == ">" || page_.substr(at_ + 4, 2) == "->" ? ">" : "-->",
                at_ + 4);
    } else if (page_.substr(at_, 9) == "<![CDATA[") {
      const std::size_t begin = at_ + 9;
      skip_past("]]>", begin);
    } else if (next == '!' || next == '?' || next == '/') {
      skip_past(">", at_ + 1);
    } else {
      handler_.text("<");
      ++at_;
    }
  }

  std::string read_name() {
    const std::size_t end = std::min(page_.find_first_of(" \t\r\n\f/>", at_), page_.size());
    constexpr std::size_t kLongest = 64;
    const std::string name = lower_case(page_.substr(at_, std::min(end - at_, kLongest)));
    at_ = end;
    return name;
  }

  void read_start() {
    ++at_;
    const std::string name = read_name();
    HtmlAttributes attributes;
    const bool is_closed = read_attributes(attributes);
    handler_.start(name, attributes);
    if (is_listed(name, kRawElements) || is_listed(name, kRawTextElements)) {
      read_raw(name);
    } else if (is_closed && !is_void_element(name)) {
      handler_.end(name);
    }
  }

  /// Moves behind ">". Returns true for "/>".
  bool read_attributes(HtmlAttributes& attributes) {
    bool is_closed = false;
    while (at_ < page_.size()) {
      const char c = page_[at_];
      if (c == '>') {
        ++at_;
        return is_closed;
      }
      if (is_html_space(c) || c == '/') {
        is_closed = c == '/';
        ++at_;
        continue;
      }
      is_closed = false;
      read_attribute(attributes);
    }
    return false;
  }

  void read_attribute(HtmlAttributes& attributes) {
    // "=" may begin a name.
    const std::size_t end = std::min(page_.find_first_of(" \t\r\n\f/>=", at_ + 1), page_.size());
    const std::string_view name = page_.substr(at_, end - at_);
    at_ = std::min(page_.find_first_not_of(kHtmlSpaces, end), page_.size());
    std::string_view value;
    if (peek(0) == '=') {
      at_ = std::min(page_.find_first_not_of(kHtmlSpaces, at_ + 1), page_.size());
      const char quote = peek(0);
      std::size_t value_end = 0;
      if (quote == '"' || quote == '\'') {
        ++at_;
        value_end = std::min(page_.find(quote, at_), page_.size());
      } else {
        value_end = std::min(page_.find_first_of(" \t\r\n\f>", at_), page_.size());
      }
      value = page_.substr(at_, value_end - at_);
      at_ = value_end;
      if ((quote == '"' || quote == '\'') && at_ < page_.size()) ++at_;
    }
    attributes.add(name, value);
  }

  /// The content of an element up to its end tag.
  void read_raw(const std::string& name) {
    const std::size_t begin = at_;
    while (at_ < page_.size()) {
      at_ = std::min(page_.find("</", at_), page_.size());
      const std::size_t end = at_ + 2 + name.size();
      if (end <= page_.size() && lower_case(page_.substr(at_ + 2, name.size())) == name &&
          (end == page_.size() || page_[end] == '>' || page_[end] == '/' ||
           is_html_space(page_[end]))) {
        break;
      }
      if (at_ < page_.size()) at_ += 2;
    }
    if (is_listed(name, kRawTextElements)) give_text(page_.substr(begin, at_ - begin));
    if (at_ == page_.size()) handler_.end(name);
  }

  std::string_view page_;
  HtmlHandler& handler_;
  std::size_t at_ = 0;
};

}  // namespace

void HtmlAttributes::add(std::string_view name, std::string_view value) {
  constexpr std::size_t kLongestName = 16;
  if (name.size() > kLongestName) return;
  std::string lower = lower_case(name);
  if (!is_listed(lower, kReadAttributes) || has(lower)) return;
  values_.emplace_back(std::move(lower), without_entities(value));
}

const std::string* HtmlAttributes::find(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string_view HtmlAttributes::value(std::string_view name) const {
  const std::string* found = find(name);
  return found == nullptr ? std::string_view() : *found;
}

bool is_void_element(std::string_view name) {
  return is_listed(name, kVoidElements);
}

void read_html_tokens(std::string_view page, HtmlHandler& handler) {
  HtmlTokenizer(page, handler).read();
}

}  // namespace oko::document

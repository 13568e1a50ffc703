#include "document/html_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "base/lower_case.h"
#include "document/html_tokens.h"
#include "document/text_encoding.h"

namespace oko::document {
namespace {

using Kind = TextBlock::Kind;

/// The meaning of an element for its text.
enum class HtmlRole {
  kInline,
  kBlock,
  kHeading,
  kItem,
  kList,
  kRow,
  kCell,
  kCode,
  kSkipped,
  kBreak
};

struct HtmlElement {
  std::string_view name;
  HtmlRole role;
};

/// By their names. Elements that are not here are inline.
constexpr std::array kHtmlElements = std::to_array<HtmlElement>({
    {"address", HtmlRole::kBlock},    {"article", HtmlRole::kBlock},
    {"aside", HtmlRole::kBlock},      {"audio", HtmlRole::kSkipped},
    {"blockquote", HtmlRole::kBlock}, {"body", HtmlRole::kBlock},
    {"br", HtmlRole::kBreak},         {"button", HtmlRole::kSkipped},
    {"canvas", HtmlRole::kSkipped},   {"caption", HtmlRole::kBlock},
    {"center", HtmlRole::kBlock},     {"datalist", HtmlRole::kSkipped},
    {"dd", HtmlRole::kBlock},         {"details", HtmlRole::kBlock},
    {"dir", HtmlRole::kList},         {"div", HtmlRole::kBlock},
    {"dl", HtmlRole::kBlock},         {"dt", HtmlRole::kBlock},
    {"fieldset", HtmlRole::kBlock},   {"figcaption", HtmlRole::kBlock},
    {"figure", HtmlRole::kBlock},     {"footer", HtmlRole::kBlock},
    {"form", HtmlRole::kBlock},       {"h1", HtmlRole::kHeading},
    {"h2", HtmlRole::kHeading},       {"h3", HtmlRole::kHeading},
    {"h4", HtmlRole::kHeading},       {"h5", HtmlRole::kHeading},
    {"h6", HtmlRole::kHeading},       {"header", HtmlRole::kBlock},
    {"hgroup", HtmlRole::kBlock},     {"hr", HtmlRole::kBlock},
    {"html", HtmlRole::kBlock},       {"iframe", HtmlRole::kSkipped},
    {"li", HtmlRole::kItem},          {"main", HtmlRole::kBlock},
    {"menu", HtmlRole::kList},        {"nav", HtmlRole::kSkipped},
    {"noframes", HtmlRole::kSkipped}, {"noscript", HtmlRole::kSkipped},
    {"object", HtmlRole::kSkipped},   {"ol", HtmlRole::kList},
    {"p", HtmlRole::kBlock},          {"pre", HtmlRole::kCode},
    {"script", HtmlRole::kSkipped},   {"section", HtmlRole::kBlock},
    {"select", HtmlRole::kSkipped},   {"style", HtmlRole::kSkipped},
    {"summary", HtmlRole::kBlock},    {"svg", HtmlRole::kSkipped},
    {"table", HtmlRole::kBlock},      {"td", HtmlRole::kCell},
    {"template", HtmlRole::kSkipped}, {"th", HtmlRole::kCell},
    {"tr", HtmlRole::kRow},           {"ul", HtmlRole::kList},
    {"video", HtmlRole::kSkipped},
});

constexpr bool precedes(const HtmlElement& left, const HtmlElement& right) {
  return left.name < right.name;
}
static_assert(std::is_sorted(kHtmlElements.begin(), kHtmlElements.end(), precedes));

HtmlRole role_of(std::string_view name) {
  const auto found = std::lower_bound(kHtmlElements.begin(), kHtmlElements.end(),
                                      HtmlElement{name, HtmlRole::kInline}, precedes);
  return found != kHtmlElements.end() && found->name == name ? found->role : HtmlRole::kInline;
}

bool is_hidden(const HtmlAttributes& attributes) {
  if (attributes.has("hidden") || lower_case(attributes.value("aria-hidden")) == "true" ||
      lower_case(attributes.value("role")) == "navigation") {
    return true;
  }
  std::string style = lower_case(attributes.value("style"));
  std::erase(style, ' ');
  return style.find("display:none") != std::string::npos ||
         style.find("visibility:hidden") != std::string::npos ||
         style.find("mso-hide:all") != std::string::npos;
}

/// Elements that a start tag ends, up to the first element of `within`.
struct ImpliedEnd {
  std::string_view name;
  std::vector<std::string_view> ends;
  std::vector<std::string_view> within;
};

/// Whose end tags may be left out (https://html.spec.whatwg.org/#optional-tags), besides "p".
const std::vector<ImpliedEnd>& implied_ends() {
  static const std::vector<ImpliedEnd> ends{
      {"li", {"li"}, {"ul", "ol", "menu", "dir"}},
      {"dt", {"dt", "dd"}, {"dl"}},
      {"dd", {"dt", "dd"}, {"dl"}},
      {"td", {"td", "th"}, {"tr", "table"}},
      {"th", {"td", "th"}, {"tr", "table"}},
      {"tr", {"tr"}, {"table"}},
      {"tbody", {"thead", "tbody"}, {"table"}},
      {"tfoot", {"thead", "tbody"}, {"table"}},
  };
  return ends;
}

bool is_among(std::string_view name, const std::vector<std::string_view>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Makes blocks of the tokens of a page.
class HtmlBlocks : public HtmlHandler {
 public:
  explicit HtmlBlocks(BlockWriter& writer) : writer_(writer) {}

  void start(std::string_view name, const HtmlAttributes& attributes) override {
    const HtmlRole role = role_of(name);
    end_implied(name, role);
    if (name == "html") writer_.document().language = attributes.value("lang");
    if (name == "meta") read_meta(attributes);
    if (name == "img") text(" " + std::string(attributes.value("alt")) + " ");
    if (is_void_element(name)) {
      if (skipped_at_ == 0) open_block(role, name);
      return;
    }
    // Deeper elements belong to the deepest one, as in browsers.
    const bool is_tracked = open_.size() < static_cast<std::size_t>(writer_.limits().max_depth);
    if (is_tracked) open_.push_back({std::string(name), role});
    if (skipped_at_ > 0) return;
    if (is_tracked && (role == HtmlRole::kSkipped || is_hidden(attributes))) {
      skipped_at_ = open_.size();
    } else {
      open_block(role, name);
    }
  }

  void end(std::string_view name) override {
    const auto found = std::find_if(open_.rbegin(), open_.rend(),
                                    [&](const Open& open) { return open.name == name; });
    if (found == open_.rend()) return;
    const auto left = static_cast<std::size_t>(open_.rend() - found) - 1;
    while (open_.size() > left) {
      if (skipped_at_ == 0) close_block(open_.back().role);
      if (skipped_at_ == open_.size()) skipped_at_ = 0;
      open_.pop_back();
    }
  }

  void text(std::string_view text) override {
    if (skipped_at_ > 0) return;
    if (!open_.empty() && open_.back().name == "title") {
      constexpr std::size_t kLongest = 4096;
      if (writer_.document().title.size() < kLongest) writer_.document().title += text;
      return;
    }
    writer_.require_room(text_.size() + text.size());
    if (kind_ == Kind::kCode) {
      text_ += text;
    } else {
      for (const char c : text) text_ += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
    }
  }

  void finish() { flush(Kind::kParagraph, 0); }

 private:
  /// An open element.
  struct Open {
    std::string name;
    HtmlRole role;
  };

  void end_implied(std::string_view name, HtmlRole role) {
    for (const ImpliedEnd& each : implied_ends()) {
      if (each.name != name) continue;
      const auto found = std::find_if(open_.rbegin(), open_.rend(), [&](const Open& open) {
        return is_among(open.name, each.ends) || is_among(open.name, each.within);
      });
      if (found != open_.rend() && is_among(found->name, each.ends)) end(std::string(found->name));
    }
    if (role == HtmlRole::kInline || role == HtmlRole::kBreak || role == HtmlRole::kSkipped) return;
    // A block ends a paragraph, unless another block has begun in it.
    const auto found = std::find_if(open_.rbegin(), open_.rend(), [](const Open& open) {
      return open.role != HtmlRole::kInline;
    });
    if (found != open_.rend() && found->name == "p") end("p");
  }

  void open_block(HtmlRole role, std::string_view name) {
    switch (role) {
      case HtmlRole::kHeading:
        flush(Kind::kHeading, name[1] - '0');
        break;
      case HtmlRole::kItem:
        flush(Kind::kListItem, std::max(lists_, 1));
        break;
      case HtmlRole::kRow:
        flush(Kind::kTableRow, 0);
        break;
      case HtmlRole::kCode:
        flush(Kind::kCode, 0);
        break;
      case HtmlRole::kList:
        ++lists_;
        flush(Kind::kParagraph, 0);
        break;
      case HtmlRole::kCell:
        if (kind_ == Kind::kTableRow) start_cell();
        break;
      case HtmlRole::kBreak:
        text_ += '\n';
        break;
      case HtmlRole::kBlock:
        separate();
        break;
      case HtmlRole::kInline:
      case HtmlRole::kSkipped:
        break;
    }
  }

  void start_cell() {
    while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\n')) text_.pop_back();
    if (!text_.empty()) text_ += '\t';
  }

  void close_block(HtmlRole role) {
    if (role == HtmlRole::kList) lists_ = std::max(lists_ - 1, 0);
    if (role == HtmlRole::kBlock) {
      separate();
    } else if (role != HtmlRole::kInline && role != HtmlRole::kCell && role != HtmlRole::kBreak) {
      flush(Kind::kParagraph, 0);
    }
  }

  /// A block within a row or an item is a line of it.
  void separate() {
    if ((kind_ == Kind::kTableRow || kind_ == Kind::kListItem) && !text_.empty()) {
      if (text_.back() != '\t') text_ += '\n';
    } else if (kind_ == Kind::kParagraph) {
      flush(Kind::kParagraph, 0);
    }
  }

  void flush(Kind next, int level) {
    // Rows of one cell lay out a page.
    if (kind_ == Kind::kTableRow && text_.find('\t') == std::string::npos) kind_ = Kind::kParagraph;
    writer_.add(kind_, level_, text_);
    text_.clear();
    kind_ = next;
    level_ = level;
  }

  void read_meta(const HtmlAttributes& attributes) {
    std::string name = lower_case(attributes.value("name"));
    if (name.empty()) name = lower_case(attributes.value("property"));
    static constexpr std::array<std::string_view, 6> kDates{
        "article:published_time", "date", "dc.date", "dcterms.date", "dcterms.created", "pubdate"};
    if (std::find(kDates.begin(), kDates.end(), name) == kDates.end()) return;
    if (!writer_.document().date)
      writer_.document().date = parse_iso_date(attributes.value("content"));
  }

  BlockWriter& writer_;
  std::vector<Open> open_;
  std::size_t skipped_at_ = 0;  ///< open elements with the skipped one; 0: none is
  int lists_ = 0;               ///< open lists
  Kind kind_ = Kind::kParagraph;
  int level_ = 0;
  std::string text_;  ///< of the block
};

}  // namespace

void read_html_text(std::string_view bytes, std::string_view charset, BlockWriter& writer) {
  const std::string declared = charset.empty() ? declared_charset(bytes) : std::string(charset);
  HtmlBlocks blocks(writer);
  read_html_tokens(decode_text(bytes, declared), blocks);
  blocks.finish();
}

}  // namespace oko::document

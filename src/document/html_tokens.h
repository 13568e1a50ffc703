#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oko::document {

/// The attributes of a tag that oko reads, with their values.
class HtmlAttributes {
 public:
  /// Keeps the first value of each name. Names that `html_tokens` does not read are left out, so
  /// that a tag with very many costs no more time.
  void add(std::string_view name, std::string_view value);
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::string_view value(std::string_view name) const;

 private:
  const std::string* find(std::string_view name) const;

  std::vector<std::pair<std::string, std::string>> values_;
};

/// Receives a web page. Names are in lower case.
class HtmlHandler {
 public:
  virtual ~HtmlHandler() = default;
  virtual void start(std::string_view name, const HtmlAttributes& attributes) = 0;
  virtual void end(std::string_view name) = 0;
  virtual void text(std::string_view text) = 0;
};

/// True for elements that have no content and no end: "br", "img".
bool is_void_element(std::string_view name);

/// Gives the tokens of a page to `handler`, as the HTML standard divides any text into tokens
/// (https://html.spec.whatwg.org/multipage/parsing.html#tokenization). The contents of scripts,
/// styles and frames are no text. `<a/>` is a start and an end. Linear in time.
void read_html_tokens(std::string_view page, HtmlHandler& handler);

}  // namespace oko::document

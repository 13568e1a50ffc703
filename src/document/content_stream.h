#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace oko::document {

/// An operator of a content stream and its place there. An inline image counts as one, "EI".
struct ContentOperation {
  std::string_view operands;  ///< with the white space around them
  std::string_view name;
  std::size_t begin = 0;  ///< of its operands
  std::size_t end = 0;    ///< behind its name
};

/// Splits the content of a page into operators (ISO 32000-1, 7.8.2). `content` must outlive it.
class ContentScanner {
 public:
  explicit ContentScanner(std::string_view content) : content_(content) {}

  /// The next operator; none at the end.
  std::optional<ContentOperation> next();

  /// After the last operator: true if the content ends within a string, an array, a dictionary or
  /// an inline image, or with operands of no operator.
  bool breaks_off() const { return breaks_off_; }

 private:
  bool skip_token();
  void skip_string();
  std::string_view regular();
  void skip_inline_image();

  std::string_view content_;
  std::size_t at_ = 0;
  int depth_ = 0;  ///< of arrays and dictionaries
  bool breaks_off_ = false;
};

/// How the content of a page ends.
enum class ContentEnd {
  kWhole,
  kInText,  ///< a text object has no end: some of its text may be missing
  kBroken,  ///< within an operator or its operands
};

ContentEnd end_of(std::string_view content);

/// The content without the text objects that are never painted (render mode 3); none if it has no
/// such object.
std::optional<std::string> without_invisible_text(std::string_view content);

}  // namespace oko::document

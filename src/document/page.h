#pragma once

#include <string>
#include <vector>

#include "base/localized_text.h"

namespace oko::document {

/// A rectangle in pixels of the upright picture, the origin top left.
struct Box {
  float left = 0;
  float top = 0;
  float width = 0;
  float height = 0;
  bool operator==(const Box&) const = default;
};

/// 0 if there are no boxes.
float median_height(const std::vector<Box>& boxes);

/// The source of text.
enum class TextSource {
  kRecognized,  ///< read in a picture
  kTextLayer,   ///< from the file itself, as in most PDF
  kBoth,        ///< of a page: words of both kinds
};

struct Word {
  std::string text;  ///< UTF-8, no white space
  Box box;
  float confidence = 0;  ///< 0..1
  std::string language;  ///< BCP 47 ("ru", "en"); empty: the engine does not say
  TextSource source = TextSource::kRecognized;
};

struct Line {
  std::vector<Word> words;  ///< in reading order
  Box box;
  float confidence = 0;  ///< 0..1, of the words by their length
  int block = 0;         ///< of lines that belong together; counted from 0

  /// The words with spaces between them.
  std::string text() const;
};

/// The text of one page.
struct Page {
  int width = 0;            ///< pixels of the upright picture
  int height = 0;           ///< pixels of the upright picture
  std::vector<Line> lines;  ///< in reading order
  TextSource source = TextSource::kRecognized;
  /// True if ink looks like text, and little or none of it was read for sure.
  bool is_doubtful = false;
  /// Notes for the user: the gaps of the text and their reasons.
  std::vector<LocalizedText> notes = {};

  /// The lines, each ended by \n, an empty line between blocks.
  std::string text() const;
};

/// The page with its boxes in pixels of a picture of another size.
Page resized(Page page, int width, int height);

/// True if a word has less confidence than `least`, or comes from an untrusted text layer.
bool is_unsure(const Word& word, float least);

/// The text of a page with marks for words of less confidence than `least`: "[word?]".
std::string marked_text(const Page& page, float least);

/// Numbers blocks for an engine that has none: a line belongs to the block before it if it is next
/// to its last line, or below any of its lines by at most a line's height.
void number_blocks(Page& page);

}  // namespace oko::document

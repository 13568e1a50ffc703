#include "document/plain_text.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "base/trimmed.h"
#include "document/text_encoding.h"

namespace oko::document {

void add_paragraphs(std::string_view text, BlockWriter& writer) {
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    std::size_t end = text.find_first_of("\n\r\f", at);
    if (end == std::string_view::npos) end = text.size();
    const bool is_blank = trimmed(text.substr(at, end - at)).empty();
    if (is_blank || (end < text.size() && text[end] == '\f')) {
      const std::size_t to = is_blank ? at : end;
      writer.add(TextBlock::Kind::kParagraph, 0, text.substr(begin, to - begin));
      begin = to;
    }
    at = end + 1;
    if (text.substr(std::min(end, text.size()), 2) == "\r\n") ++at;
  }
  writer.add(TextBlock::Kind::kParagraph, 0, text.substr(begin));
}

void read_plain_text(std::string_view bytes, BlockWriter& writer) {
  add_paragraphs(decode_text(bytes), writer);
}

}  // namespace oko::document

#include "tasks/passages.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace oko::tasks {
namespace {

/// A page's text, and where its lines are in it.
struct PageText {
  std::string text;
  std::vector<index::LinePlace> lines;
};

PageText text_of(const document::Page& page) {
  PageText result;
  int block = page.lines.empty() ? 0 : page.lines.front().block;
  const auto width = static_cast<float>(std::max(page.width, 1));
  const auto height = static_cast<float>(std::max(page.height, 1));
  for (const document::Line& line : page.lines) {
    if (std::exchange(block, line.block) != line.block) result.text += '\n';
    const auto begin = static_cast<std::uint32_t>(result.text.size());
    result.text += line.text();
    result.lines.push_back({.begin = begin,
                            .end = static_cast<std::uint32_t>(result.text.size()),
                            .box = {line.box.left / width, line.box.top / height,
                                    line.box.width / width, line.box.height / height}});
    result.text += '\n';
  }
  return result;
}

/// The lines that have a part in a range of the text, as places in that range.
std::vector<index::LinePlace> lines_in(const std::vector<index::LinePlace>& lines,
                                       const text::TextRange& range) {
  std::vector<index::LinePlace> inside;
  for (index::LinePlace line : lines) {
    if (line.end <= range.begin || line.begin >= range.end) continue;
    line.begin =
        static_cast<std::uint32_t>(std::max<std::size_t>(line.begin, range.begin) - range.begin);
    line.end = static_cast<std::uint32_t>(std::min<std::size_t>(line.end, range.end) - range.begin);
    inside.push_back(line);
  }
  return inside;
}

}  // namespace

text::CountTokens token_counter(const engine::Embedder& embedder) {
  return [&embedder](std::string_view text) {
    return embedder.tokenizer().encode(text, std::numeric_limits<std::size_t>::max()).total;
  };
}

std::vector<index::Chunk> passages_of(const document::Page& page, int number,
                                      const text::ChunkOptions& options,
                                      const text::CountTokens& count) {
  const PageText whole = text_of(page);
  std::vector<index::Chunk> passages;
  for (const text::TextRange& range : text::chunks(whole.text, options, count)) {
    index::Chunk& passage = passages.emplace_back();
    passage.text = whole.text.substr(range.begin, range.end - range.begin);
    passage.origin = page.source == document::TextSource::kTextLayer
                         ? index::TextOrigin::kFile
                         : index::TextOrigin::kRecognized;
    passage.page = number;
    passage.page_width = page.width;
    passage.page_height = page.height;
    passage.lines = lines_in(whole.lines, range);
  }
  return passages;
}

std::vector<index::Chunk> passages_of(document::TextDocument document,
                                      const text::ChunkOptions& options,
                                      const text::CountTokens& count) {
  const std::string whole = document.text();
  document = {};  // a text may be large
  std::vector<index::Chunk> passages;
  for (const text::TextRange& range : text::chunks(whole, options, count)) {
    passages.emplace_back().text = whole.substr(range.begin, range.end - range.begin);
  }
  return passages;
}

}  // namespace oko::tasks

#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "document/pdf_writer.h"

namespace oko {

/// Line `line` of page `page` in `write_text_pages`.
inline std::string line_of_text(int page, int line) {
  return "Страница " + std::to_string(page + 1) + " строка " + std::to_string(line + 1) +
         " and twelve more words that fill the line as a book does";
}

/// Writes a PDF of `pages` A4 pages, each with 20 lines of text.
inline void write_text_pages(const std::filesystem::path& path, int pages) {
  constexpr int kWidth = 595, kHeight = 842;
  std::ofstream file(path, std::ios::binary);
  document::PdfWriter writer([&](std::string_view bytes) { file << bytes; }, "pages");
  for (int page = 0; page < pages; ++page) {
    document::Page text{kWidth, kHeight, {}};
    for (int line = 0; line < 20; ++line) {
      const std::string all = line_of_text(page, line);
      const float top = 40 + 36 * static_cast<float>(line);
      document::Line out{{}, {50, top, 500, 12}, 1, 0};
      for (std::size_t begin = 0; begin < all.size();) {
        const std::size_t end = std::min(all.find(' ', begin), all.size());
        const auto place = [&](std::size_t at) { return 50 + 5.5f * static_cast<float>(at); };
        out.words.push_back({all.substr(begin, end - begin),
                             {place(begin), top, place(end) - place(begin), 12},
                             1,
                             {}});
        begin = end + 1;
      }
      text.lines.push_back(out);
    }
    writer.add_page({{}, kWidth, kHeight}, text);
  }
  writer.finish();
}

}  // namespace oko

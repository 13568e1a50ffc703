#include "ocr/hocr.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "text/xml_escape.h"

namespace oko::ocr {
namespace {

/// "bbox left top right bottom", whole pixels around the box.
std::string bbox(const document::Box& box) {
  return fmt::format("bbox {:.0f} {:.0f} {:.0f} {:.0f}", std::floor(box.left), std::floor(box.top),
                     std::ceil(box.left + box.width), std::ceil(box.top + box.height));
}

/// A string of a property, in an attribute.
std::string quoted(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return "&quot;" + text::escape_xml(result) + "&quot;";
}

document::Box around(std::span<const document::Line> lines) {
  document::Box box = lines.front().box;
  float right = box.left + box.width, bottom = box.top + box.height;
  for (const document::Line& line : lines) {
    box.left = std::min(box.left, line.box.left);
    box.top = std::min(box.top, line.box.top);
    right = std::max(right, line.box.left + line.box.width);
    bottom = std::max(bottom, line.box.top + line.box.height);
  }
  return {box.left, box.top, right - box.left, bottom - box.top};
}

void append_line(std::string& out, const document::Line& line, const std::string& id,
                 std::size_t& word) {
  out +=
      fmt::format("   <span class=\"ocr_line\" id=\"line_{}\" title=\"{}\">\n", id, bbox(line.box));
  for (const document::Word& each : line.words) {
    const std::string language =
        each.language.empty() ? "" : fmt::format(" lang=\"{}\"", each.language);
    out += fmt::format(
        "    <span class=\"ocrx_word\" id=\"word_{}\"{} title=\"{}; x_wconf {:.0f}\">{}</span>\n",
        ++word, language, bbox(each.box), each.confidence * 100, text::escape_xml(each.text));
  }
  out += "   </span>\n";
}

}  // namespace

std::string HocrWriter::begin() const {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" "
         "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
         "<html xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n <title></title>\n"
         " <meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n"
         " <meta name=\"ocr-system\" content=\"oko\"/>\n"
         " <meta name=\"ocr-capabilities\" content=\"ocr_page ocr_carea ocr_line ocrx_word\"/>\n"
         "</head>\n<body>\n";
}

std::string HocrWriter::page(const document::Page& page, std::string_view file, int number) {
  ++pages_;
  const std::string name = quoted(file);
  std::string out = fmt::format(
      " <div class=\"ocr_page\" id=\"page_{}\" title=\"image {}; bbox 0 0 {} {}; ppageno {}; "
      "x_source {} {}\">\n",
      pages_, name, page.width, page.height, pages_ - 1, name, number);
  for (std::size_t first = 0; first < page.lines.size();) {
    std::size_t last = first;
    while (last < page.lines.size() && page.lines[last].block == page.lines[first].block) ++last;
    const std::span<const document::Line> block(&page.lines[first], last - first);
    out += fmt::format("  <div class=\"ocr_carea\" title=\"{}\">\n", bbox(around(block)));
    for (std::size_t i = first; i < last; ++i) {
      append_line(out, page.lines[i], fmt::format("{}_{}", pages_, i + 1), words_);
    }
    out += "  </div>\n";
    first = last;
  }
  out += " </div>\n";
  return out;
}

std::string HocrWriter::end() const {
  return "</body>\n</html>\n";
}

}  // namespace oko::ocr

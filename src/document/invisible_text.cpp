#include "document/invisible_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "document/text_baseline.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

// The metrics of invisible_font.inc, in parts of the font's size.
constexpr double kAdvance = 0.5;
constexpr double kDescent = 0.2;
constexpr std::uint8_t kInvisibleFont[] = {
#include "document/invisible_font.inc"
};

constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;
constexpr double kLeastStretch = 0.01;
constexpr double kSpace = 0.2;  // of the size, if the words leave less

/// UTF-16, big endian, as hexadecimal digits.
std::string utf16_hex(char32_t c) {
  if (c < 0x10000) return fmt::format("{:04X}", static_cast<std::uint32_t>(c));
  const auto rest = static_cast<std::uint32_t>(c - 0x10000);
  return fmt::format("{:04X}{:04X}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

/// Entries of a ToUnicode map, at most 100 in a section, as the format has it.
std::string map_sections(const std::vector<std::string>& entries, std::string_view kind) {
  constexpr std::size_t kMost = 100;
  std::string result;
  for (std::size_t first = 0; first < entries.size(); first += kMost) {
    const std::size_t last = std::min(entries.size(), first + kMost);
    result += fmt::format("{} begin{}\n", last - first, kind);
    for (std::size_t i = first; i < last; ++i) result += entries[i] + "\n";
    result += fmt::format("end{}\n", kind);
  }
  return result;
}

/// The ToUnicode map: of codes to themselves, and of surrogates to the characters in
/// `supplementary`.
std::string unicode_map(const std::map<char32_t, std::uint16_t>& supplementary) {
  std::vector<std::string> ranges, characters;
  for (std::uint32_t first = 0; first <= 0xFF00; first += 0x100) {
    if (first >= kFirstSurrogate && first <= kLastSurrogate) continue;
    ranges.push_back(fmt::format("<{0:04X}> <{1:04X}> <{0:04X}>", first, first + 0xFF));
  }
  for (const auto& [character, code] : supplementary) {
    characters.push_back(fmt::format("<{:04X}> <{}>", code, utf16_hex(character)));
  }
  return "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
         "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
         "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
         "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n" +
         map_sections(ranges, "bfrange") + map_sections(characters, "bfchar") +
         "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n";
}

/// The page in points, y downwards.
Page in_points(const Page& text, double width, double height) {
  Page page = text;
  const auto x_scale = static_cast<float>(width / std::max(1, text.width));
  const auto y_scale = static_cast<float>(height / std::max(1, text.height));
  const auto scale = [&](Box& box) {
    box = {box.left * x_scale, box.top * y_scale, box.width * x_scale, box.height * y_scale};
  };
  for (Line& line : page.lines) {
    scale(line.box);
    for (Word& word : line.words) scale(word.box);
  }
  return page;
}

/// The operator that moves to the first letter of a line. `height`: of the page.
std::string matrix_of(const LineLayout& line, double height) {
  const double begin = line.words.front().begin, baseline = line.bottom - kDescent * line.size;
  switch (line.quarter_turns) {
    case 1:
      return fmt::format("0 -1 1 0 {:.2f} {:.2f} Tm", -baseline, height - begin);
    case 2:
      return fmt::format("-1 0 0 -1 {:.2f} {:.2f} Tm", -begin, height + baseline);
    case 3:
      return fmt::format("0 1 -1 0 {:.2f} {:.2f} Tm", baseline, height + begin);
    default:
      return fmt::format("1 0 0 1 {:.2f} {:.2f} Tm", begin, height - baseline);
  }
}

/// The operators that show `codes`, of four digits each, stretched to `width`.
std::string show(std::string_view codes, double width, double size) {
  const std::size_t letters = codes.size() / 4;
  const double natural = static_cast<double>(letters) * kAdvance * size;
  return fmt::format("{:.2f} Tz <{}> Tj", 100 * std::max(width / natural, kLeastStretch), codes);
}

}  // namespace

std::string InvisibleText::content(const Page& text, double width, double height,
                                   std::string_view font) {
  const Page page = in_points(text, width, height);
  const std::vector<LineLayout> layouts = line_layouts(page);
  std::string out = "BT 3 Tr\n";
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    const LineLayout& line = layouts[i];
    if (line.words.empty()) continue;
    out += fmt::format("/{} {:.2f} Tf {}\n", font, line.size, matrix_of(line, height));
    double at = line.words.front().begin;
    for (std::size_t k = 0; k < line.words.size(); ++k) {
      const std::string codes = codes_of(page.lines[i].words[k].text);
      if (codes.empty()) continue;
      const WordSpan& word = line.words[k];
      if (word.begin != at) out += fmt::format("{:.2f} 0 Td ", word.begin - at);
      at = word.begin;
      // The space reaches the next word: readers mistake gaps and overlaps for ends of lines.
      const double least = kSpace * line.size;
      const double gap = k + 1 < line.words.size() ? line.words[k + 1].begin - word.end : least;
      out += show(codes, word.end - word.begin, line.size) + " " +
             show("0020", std::max(gap, least), line.size) + "\n";
    }
  }
  return out + "ET\n";
}

std::string InvisibleText::stream_data(Part part) const {
  if (part == kUnicodeMap) return unicode_map(supplementary_);
  if (part == kFontFile) {
    return {reinterpret_cast<const char*>(kInvisibleFont), sizeof(kInvisibleFont)};
  }
  std::string glyphs;
  for (int code = 0; code <= 0xFFFF; ++code) glyphs.append("\0\1", 2);
  return glyphs;
}

std::string InvisibleText::entries(Part part) {
  if (part == kDescriptor) {
    return "/Type /FontDescriptor /FontName /Invisible /Flags 5 /FontBBox [0 -200 500 800] "
           "/ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 800 /StemV 80";
  }
  if (part == kCidFont) {
    return fmt::format(
        "/Type /Font /Subtype /CIDFontType2 /BaseFont /Invisible /CIDSystemInfo << /Registry "
        "(Adobe) /Ordering (Identity) /Supplement 0 >> /DW {}",
        kAdvance * 1000);
  }
  return "/Type /Font /Subtype /Type0 /BaseFont /Invisible /Encoding /Identity-H";
}

std::vector<InvisibleText::Link> InvisibleText::links(Part part) {
  if (part == kDescriptor) return {{"/FontFile2", kFontFile}};
  if (part == kCidFont) return {{"/FontDescriptor", kDescriptor}, {"/CIDToGIDMap", kGlyphMap}};
  return {{"/DescendantFonts", kCidFont, true}, {"/ToUnicode", kUnicodeMap}};
}

/// Two bytes a character as hexadecimal digits; control characters are left out.
std::string InvisibleText::codes_of(std::string_view utf8) {
  constexpr std::size_t kMost = kLastSurrogate - kFirstSurrogate + 1;
  std::string codes;
  for (std::size_t at = 0; at < utf8.size();) {
    const text::Utf8Step step = text::next_utf8(utf8, at);
    at += step.length;
    char32_t code = step.code_point;
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) continue;
    if (code > 0xFFFF) {
      const auto known = supplementary_.find(code);
      if (known != supplementary_.end()) {
        code = known->second;
      } else if (supplementary_.size() < kMost) {
        const auto given = static_cast<std::uint16_t>(kFirstSurrogate + supplementary_.size());
        supplementary_.emplace(code, given);
        code = given;
      } else {
        code = 0xFFFD;
      }
    }
    codes += fmt::format("{:04X}", static_cast<std::uint32_t>(code));
  }
  return codes;
}

}  // namespace oko::document

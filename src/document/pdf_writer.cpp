#include "document/pdf_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

/// Object numbers. Those of a page follow: the page, its content, its picture.
enum Object : std::size_t {
  kCatalog = 1,
  kPageTree,
  kFont,
  kCidFont,
  kFontDescriptor,
  kFontFile,
  kGlyphMap,
  kUnicodeMap,
  kInfo,
  kFirstPage,
};
constexpr std::size_t kObjectsPerPage = 3;

constexpr std::uint64_t kLargestOffset = 9'999'999'999;  // 10 digits in the table of objects

// The metrics of invisible_font.inc, in parts of the font's size.
constexpr double kAdvance = 0.5;
constexpr double kDescent = 0.2;
constexpr std::uint8_t kInvisibleFont[] = {
#include "document/invisible_font.inc"
};

constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

std::string compressed(std::string_view bytes) {
  uLongf size = compressBound(bytes.size());
  std::string result(size, '\0');
  const int status =
      compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_DEFAULT_COMPRESSION);
  if (status != Z_OK) {
    throw Error(ErrorCode::kFailed,
                tr("zlib failed with status {}", "zlib закончил работу с состоянием {}", status));
  }
  result.resize(size);
  return result;
}

/// UTF-16, big endian, as hexadecimal digits.
std::string utf16_hex(char32_t c) {
  if (c < 0x10000) return fmt::format("{:04X}", static_cast<std::uint32_t>(c));
  const auto rest = static_cast<std::uint32_t>(c - 0x10000);
  return fmt::format("{:04X}{:04X}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

/// A string of the file's own texts.
std::string text_string(std::string_view utf8) {
  std::string result = "<FEFF";
  for (std::size_t at = 0; at < utf8.size();) {
    const text::Utf8Step step = text::next_utf8(utf8, at);
    result += utf16_hex(step.code_point);
    at += step.length;
  }
  return result + ">";
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

/// What codes mean: themselves, and the surrogates what stands in `supplementary`.
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

/// A box in points, the origin bottom left.
struct Rectangle {
  double left, bottom, width, height;
  double right() const { return left + width; }
  double top() const { return bottom + height; }
};

/// Which way a line of text runs.
enum class Direction { kRight, kDown, kUp };

/// How the letters of a line stand.
struct LineLayout {
  Direction direction = Direction::kRight;
  bool level = true;  ///< the words stand on one baseline; else on a slope
  Rectangle box{};
  double size = 0;  ///< of the font, points
};

/// `tallest`: the height of its tallest word.
LineLayout layout_of(const ocr::Line& line, const Rectangle& box, double tallest) {
  LineLayout layout{Direction::kRight, box.height < 1.4 * tallest, box, 0};
  const ocr::Box& first = line.words.front().box;
  if (line.text().size() > 2 && box.height > 2 * box.width) {
    layout.direction = line.words.back().box.top >= first.top ? Direction::kDown : Direction::kUp;
    layout.size = box.width;
  } else {
    layout.size = layout.level ? box.height : tallest;
  }
  layout.size = std::max(layout.size, 0.1);
  return layout;
}

/// Where a word lies on its line.
struct Placement {
  std::string matrix;  ///< up to where its first letter begins
  double begin, end;   ///< along the line
};

Placement placement_of(const LineLayout& line, const Rectangle& word) {
  const double descent = kDescent * line.size;
  switch (line.direction) {
    case Direction::kDown:
      return {fmt::format("0 -1 1 0 {:.2f} {:.2f}", line.box.left + descent, word.top()),
              -word.top(), -word.bottom};
    case Direction::kUp:
      return {fmt::format("0 1 -1 0 {:.2f} {:.2f}", line.box.right() - descent, word.bottom),
              word.bottom, word.top()};
    case Direction::kRight:
      break;
  }
  const double bottom = line.level ? line.box.bottom : word.bottom;
  return {fmt::format("1 0 0 1 {:.2f} {:.2f}", word.left, bottom + descent), word.left,
          word.right()};
}

}  // namespace

PdfWriter::PdfWriter(Sink sink, std::string_view title)
    : sink_(std::move(sink)), title_(title), offsets_(kFirstPage - 1) {
  // Four bytes that no text has tell programs on the way that the file is binary.
  write("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n");
  write_font();
}

void PdfWriter::add_page(const PagePicture& picture, const ocr::Page& text) {
  const std::size_t page = kFirstPage + pages_ * kObjectsPerPage;
  const std::size_t content = page + 1, image = page + 2;
  offsets_.resize(image);
  ++pages_;
  write_object(page, fmt::format("<< /Type /Page /Parent {} 0 R /MediaBox [0 0 {:.2f} {:.2f}] "
                                 "/Resources << /Font << /F {} 0 R >> /XObject << /I {} 0 R >> >> "
                                 "/Contents {} 0 R >>",
                                 +kPageTree, picture.width_points, picture.height_points, +kFont,
                                 image, content));
  write_compressed(content, "",
                   fmt::format("q {:.2f} 0 0 {:.2f} 0 0 cm /I Do Q\n", picture.width_points,
                               picture.height_points) +
                       text_of(text, picture));
  write_stream(image,
               fmt::format("/Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace "
                           "/DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode ",
                           picture.width, picture.height),
               picture.jpeg);
}

void PdfWriter::finish() {
  write_compressed(kUnicodeMap, "", unicode_map(supplementary_));
  write_object(kInfo, fmt::format("<< /Title {} /Producer (oko) >>", text_string(title_)));
  begin_object(kPageTree);
  write(fmt::format("<< /Type /Pages /Count {} /Kids [", pages_));
  for (std::size_t i = 0; i < pages_; ++i) {
    write(fmt::format("{} 0 R\n", kFirstPage + i * kObjectsPerPage));
  }
  write("] >>\nendobj\n");
  write_object(kCatalog, fmt::format("<< /Type /Catalog /Pages {} 0 R >>", +kPageTree));
  const std::uint64_t table = written_;
  write(fmt::format("xref\n0 {}\n0000000000 65535 f \n", offsets_.size() + 1));
  for (const std::uint64_t offset : offsets_) write(fmt::format("{:010} 00000 n \n", offset));
  write(fmt::format("trailer\n<< /Size {} /Root {} 0 R /Info {} 0 R >>\nstartxref\n{}\n%%EOF\n",
                    offsets_.size() + 1, +kCatalog, +kInfo, table));
}

void PdfWriter::write(std::string_view bytes) {
  sink_(bytes);
  written_ += bytes.size();
}

void PdfWriter::begin_object(std::size_t number) {
  if (written_ > kLargestOffset) {
    throw Error(
        ErrorCode::kFailed, tr("the PDF would be over 10 GB", "PDF был бы больше 10 ГБ"),
        tr("make several of fewer pages", "сделайте несколько, по меньше страниц в каждом"));
  }
  offsets_[number - 1] = written_;
  write(fmt::format("{} 0 obj\n", number));
}

void PdfWriter::write_object(std::size_t number, std::string_view body) {
  begin_object(number);
  write(body);
  write("\nendobj\n");
}

void PdfWriter::write_stream(std::size_t number, std::string_view entries, std::string_view bytes) {
  begin_object(number);
  write(fmt::format("<< {}/Length {} >>\nstream\n", entries, bytes.size()));
  write(bytes);
  write("\nendstream\nendobj\n");
}

void PdfWriter::write_compressed(std::size_t number, std::string_view entries,
                                 std::string_view bytes) {
  write_stream(number, std::string(entries) + "/Filter /FlateDecode ", compressed(bytes));
}

void PdfWriter::write_font() {
  write_object(kFont, fmt::format("<< /Type /Font /Subtype /Type0 /BaseFont /Invisible /Encoding "
                                  "/Identity-H /DescendantFonts [{} 0 R] /ToUnicode {} 0 R >>",
                                  +kCidFont, +kUnicodeMap));
  write_object(kCidFont,
               fmt::format("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Invisible "
                           "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 "
                           ">> /FontDescriptor {} 0 R /CIDToGIDMap {} 0 R /DW {} >>",
                           +kFontDescriptor, +kGlyphMap, kAdvance * 1000));
  write_object(kFontDescriptor,
               fmt::format("<< /Type /FontDescriptor /FontName /Invisible /Flags 5 /FontBBox "
                           "[0 -200 500 800] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight "
                           "800 /StemV 80 /FontFile2 {} 0 R >>",
                           +kFontFile));
  const std::string_view font(reinterpret_cast<const char*>(kInvisibleFont),
                              sizeof(kInvisibleFont));
  write_compressed(kFontFile, fmt::format("/Length1 {} ", font.size()), font);
  std::string glyphs;
  for (int code = 0; code <= 0xFFFF; ++code) glyphs.append("\0\1", 2);
  write_compressed(kGlyphMap, "", glyphs);
}

std::string PdfWriter::text_of(const ocr::Page& text, const PagePicture& picture) {
  const double x_scale = picture.width_points / std::max(1, text.width);
  const double y_scale = picture.height_points / std::max(1, text.height);
  const auto in_points = [&](const ocr::Box& box) -> Rectangle {
    return {box.left * x_scale, picture.height_points - (box.top + box.height) * y_scale,
            box.width * x_scale, box.height * y_scale};
  };
  std::string out = "BT 3 Tr\n";
  for (const ocr::Line& line : text.lines) {
    if (line.words.empty()) continue;
    double tallest = 0;
    for (const ocr::Word& word : line.words)
      tallest = std::max(tallest, in_points(word.box).height);
    const LineLayout layout = layout_of(line, in_points(line.box), tallest);
    out += fmt::format("/F {:.2f} Tf\n", layout.size);
    for (const ocr::Word& word : line.words) {
      const std::string codes = codes_of(word.text);
      if (codes.empty()) continue;
      const Placement place = placement_of(layout, in_points(word.box));
      out += place.matrix + " Tm ";
      // Stretches the letters to the word's width. The space parts words, and without it PDFium
      // sees nothing of a single letter, whose glyph is empty.
      const std::size_t letters = codes.size() / 4;
      const double natural = static_cast<double>(letters) * kAdvance * layout.size;
      const double stretch = std::max((place.end - place.begin) / natural, 0.01);
      out += fmt::format("{:.2f} Tz <{}0020> Tj", 100 * stretch, codes);
      out += "\n";
    }
  }
  return out + "ET\n";
}

/// Two bytes a character as hexadecimal digits; control characters are left out.
std::string PdfWriter::codes_of(std::string_view utf8) {
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

#include "document/pdf_writer.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "document/deflate.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

/// Object numbers. Those of pages follow.
enum Object : std::size_t {
  kCatalog = 1,
  kPageTree,
  kInfo,
  kFirstOfFont,
  kFirstFree = kFirstOfFont + InvisibleText::kParts,
};

constexpr std::uint64_t kLargestOffset = 9'999'999'999;  // 10 digits in the table of objects

std::size_t object_of(InvisibleText::Part part) {
  return kFirstOfFont + static_cast<std::size_t>(part);
}

std::string reference_to(InvisibleText::Part part) {
  return fmt::format("{} 0 R", object_of(part));
}

/// A string of the file's own texts: UTF-16, big endian.
std::string text_string(std::string_view utf8) {
  std::string result = "<FEFF";
  for (std::size_t at = 0; at < utf8.size();) {
    const text::Utf8Step step = text::next_utf8(utf8, at);
    at += step.length;
    const auto c = static_cast<std::uint32_t>(step.code_point);
    if (c < 0x10000) {
      result += fmt::format("{:04X}", c);
    } else {
      result += fmt::format("{:04X}{:04X}", 0xD800 + ((c - 0x10000) >> 10), 0xDC00 + (c & 0x3FF));
    }
  }
  return result + ">";
}

/// The matrix from the unit square, in which pictures are drawn, to the upright page.
std::string picture_matrix(int orientation, double width, double height) {
  const double w = width, h = height;
  const auto matrix = [](double a, double b, double c, double d, double e, double f) {
    return fmt::format("{:.2f} {:.2f} {:.2f} {:.2f} {:.2f} {:.2f} cm", a, b, c, d, e, f);
  };
  switch (orientation) {
    case 2:
      return matrix(-w, 0, 0, h, w, 0);
    case 3:
      return matrix(-w, 0, 0, -h, w, h);
    case 4:
      return matrix(w, 0, 0, -h, 0, h);
    case 5:
      return matrix(0, -h, -w, 0, w, h);
    case 6:
      return matrix(0, -h, w, 0, 0, h);
    case 7:
      return matrix(0, h, w, 0, 0, 0);
    case 8:
      return matrix(0, h, -w, 0, w, 0);
    default:
      return matrix(w, 0, 0, h, 0, 0);
  }
}

}  // namespace

PdfWriter::PdfWriter(Sink sink, std::string_view title)
    : sink_(std::move(sink)), title_(title), offsets_(kFirstFree - 1) {
  // Four bytes that no text has mark the file as binary for programs that transfer it.
  write("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n");
  for (std::size_t part = 0; part < InvisibleText::kParts; ++part) {
    if (part != InvisibleText::kUnicodeMap) write_font(static_cast<InvisibleText::Part>(part));
  }
}

void PdfWriter::add_page(const Sheet& sheet, const Page& text) {
  const bool has_picture = !sheet.picture.bytes.empty();
  const std::size_t page = next_object(), content = next_object();
  pages_.push_back(page);
  std::string shown, resource;
  if (has_picture) {
    const std::size_t picture = next_object();
    write_picture(picture, sheet.picture);
    shown = fmt::format("q {} /I Do Q\n",
                        picture_matrix(sheet.picture.orientation, sheet.width, sheet.height));
    resource = fmt::format("/XObject << /I {} 0 R >> ", picture);
  }
  write_object(page, fmt::format("<< /Type /Page /Parent {} 0 R /MediaBox [0 0 {:.2f} {:.2f}] "
                                 "/Resources << /Font << /F {} >> {}>> /Contents {} 0 R >>",
                                 +kPageTree, sheet.width, sheet.height,
                                 reference_to(InvisibleText::kFont), resource, content));
  write_compressed(content, "", shown + text_.content(text, sheet.width, sheet.height, "F"));
}

void PdfWriter::finish() {
  write_font(InvisibleText::kUnicodeMap);
  write_object(kInfo, fmt::format("<< /Title {} /Producer (oko) >>", text_string(title_)));
  begin_object(kPageTree);
  write(fmt::format("<< /Type /Pages /Count {} /Kids [", pages_.size()));
  for (const std::size_t page : pages_) write(fmt::format("{} 0 R\n", page));
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

std::size_t PdfWriter::next_object() {
  offsets_.push_back(0);
  return offsets_.size();
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
  write_stream(number, std::string(entries) + "/Filter /FlateDecode ", deflated(bytes));
}

void PdfWriter::write_font(InvisibleText::Part part) {
  if (!InvisibleText::is_stream(part)) {
    std::string body = "<< " + InvisibleText::entries(part);
    for (const InvisibleText::Link& link : InvisibleText::links(part)) {
      const std::string to = reference_to(link.part);
      body += fmt::format(" {} {}", link.key, link.in_array ? "[" + to + "]" : to);
    }
    return write_object(object_of(part), body + " >>");
  }
  const std::string data = text_.stream_data(part);
  write_compressed(object_of(part),
                   part == InvisibleText::kFontFile ? fmt::format("/Length1 {} ", data.size()) : "",
                   data);
}

void PdfWriter::write_picture(std::size_t number, const image::JpegFile& picture) {
  std::string colours = picture.components == 1 ? "/DeviceGray" : "/DeviceRGB";
  if (!picture.icc_profile.empty()) {
    colours =
        fmt::format("[/ICCBased {} 0 R]", profile_object(picture.icc_profile, picture.components));
  }
  write_stream(number,
               fmt::format("/Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace {} "
                           "/BitsPerComponent 8 /Filter /DCTDecode ",
                           picture.width, picture.height, colours),
               picture.bytes);
}

std::size_t PdfWriter::profile_object(const std::string& profile, int components) {
  const auto [known, is_new] = profiles_.try_emplace(profile, 0);
  if (is_new) {
    known->second = next_object();
    write_compressed(known->second, fmt::format("/N {} ", components), profile);
  }
  return known->second;
}

}  // namespace oko::document

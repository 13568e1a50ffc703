#include "document/pdf_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <string_view>

#include "document/pdfium_library.h"
#include "document/stretch.h"
#include "text/characters.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

constexpr char32_t kUnknown = 0xFFFD;
constexpr char32_t kSoftHyphen = 0xAD;
// Share of the height. Letters further apart, or further back, are separate pieces.
constexpr float kWidestGap = 0.3f;
constexpr float kWidestOverlap = 0.5f;

std::string_view ligature(char32_t c) {
  switch (c) {
    case 0xFB00:
      return "ff";
    case 0xFB01:
      return "fi";
    case 0xFB02:
      return "fl";
    case 0xFB03:
      return "ffi";
    case 0xFB04:
      return "ffl";
    case 0xFB05:
    case 0xFB06:
      return "st";
    default:
      return {};
  }
}

bool is_high_surrogate(char32_t c) {
  return c >= 0xD800 && c < 0xDC00;
}

bool is_low_surrogate(char32_t c) {
  return c >= 0xDC00 && c < 0xE000;
}

/// One character of a text page.
struct Character {
  char32_t code_point = 0;
  bool generated = false;  ///< by PDFium, for a space or the end of a line
  bool is_space = false;
  bool is_pair = false;              ///< of surrogates, which are two to PDFium
  Box box;                           ///< pixels
  int quarter_turns = 0;             ///< of its reading direction in the picture
  FPDF_PAGEOBJECT object = nullptr;  ///< that shows it
};

/// The numbers of the soft hyphens at ends of lines. PDFium has a control character for each hyphen
/// there, hard or soft, and tells them apart only if no text follows.
std::set<int> soft_hyphens(FPDF_PAGE page, FPDF_TEXTPAGE text) {
  constexpr std::size_t kMost = 500;  // of a page
  std::vector<int> hyphens;
  const int count = FPDFText_CountChars(text);
  for (int i = 0; i < count && hyphens.size() < kMost; ++i) {
    if (FPDFText_IsHyphen(text, i) == 1) hyphens.push_back(i);
  }
  if (hyphens.empty()) return {};
  std::set<FPDF_PAGEOBJECT> objects;
  for (int i = 0; i < FPDFPage_CountObjects(page); ++i) {
    FPDF_PAGEOBJECT object = FPDFPage_GetObject(page, i);
    if (FPDFPageObj_SetIsActive(object, 0) != 0) objects.insert(object);
  }
  std::set<int> soft;
  for (const int i : hyphens) {
    FPDF_PAGEOBJECT object = FPDFText_GetTextObject(text, i);
    if (!objects.contains(object)) continue;  // of a form
    FPDFPageObj_SetIsActive(object, 1);
    const PdfiumText alone(FPDFText_LoadPage(page));
    FPDFPageObj_SetIsActive(object, 0);
    const int last = alone ? FPDFText_CountChars(alone.get()) - 1 : -1;
    if (last >= 0 && FPDFText_GetUnicode(alone.get(), last) == kSoftHyphen) soft.insert(i);
  }
  for (FPDF_PAGEOBJECT object : objects) FPDFPageObj_SetIsActive(object, 1);
  return soft;
}

class Reader {
 public:
  Reader(FPDF_PAGE page, FPDF_TEXTPAGE text, const PageToPicture& to_picture)
      : text_(text), to_picture_(to_picture), soft_hyphens_(soft_hyphens(page, text)) {}

  int count() const { return count_; }

  Character at(int index) const {
    Character character;
    character.generated = FPDFText_IsGenerated(text_, index) == 1;
    character.code_point = code_point(index);
    character.is_space = text::is_space(character.code_point);
    character.is_pair =
        character.code_point > 0xFFFF && is_high_surrogate(FPDFText_GetUnicode(text_, index));
    FS_RECTF place{};
    FPDFText_GetLooseCharBox(text_, index, &place);
    if (is_finite(place)) character.box = to_picture_.box(place);
    character.object = FPDFText_GetTextObject(text_, index);
    const double quarter = std::numbers::pi / 2;
    const auto turns = static_cast<int>(
        std::lround(static_cast<double>(FPDFText_GetCharAngle(text_, index)) / quarter));
    character.quarter_turns = ((turns + to_picture_.quarter_turns()) % 4 + 4) % 4;
    return character;
  }

 private:
  char32_t code_point(int index) const {
    if (FPDFText_IsHyphen(text_, index) == 1) {
      return soft_hyphens_.contains(index) ? kSoftHyphen : U'-';
    }
    if (FPDFText_HasUnicodeMapError(text_, index) == 1) return kUnknown;
    const char32_t code = FPDFText_GetUnicode(text_, index);
    if (is_high_surrogate(code) && index + 1 < count_) {
      const char32_t low = FPDFText_GetUnicode(text_, index + 1);
      if (is_low_surrogate(low)) return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    const bool nothing = code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000);
    const bool control = text::is_control(code) && !text::is_space(code);
    return nothing || control ? kUnknown : code;
  }

  FPDF_TEXTPAGE text_;
  const PageToPicture& to_picture_;
  std::set<int> soft_hyphens_;
  int count_ = FPDFText_CountChars(text_);
};

/// True if the object is in one of these layers.
bool is_in_layer(FPDF_PAGEOBJECT object, const std::set<std::string>& layers) {
  for (int i = 0; i < FPDFPageObj_CountMarks(object); ++i) {
    FPDF_PAGEOBJECTMARK mark = FPDFPageObj_GetMark(object, static_cast<unsigned long>(i));
    std::array<FPDF_WCHAR, 3> kind{};
    unsigned long needed = 0;
    if (!FPDFPageObjMark_GetName(mark, kind.data(), sizeof(kind), &needed) || kind[0] != 'O' ||
        kind[1] != 'C' || kind[2] != 0) {
      continue;
    }
    unsigned long bytes = 0;
    FPDFPageObjMark_GetParamBlobValue(mark, "Name", nullptr, 0, &bytes);
    std::string name(bytes, '\0');
    auto* buffer = reinterpret_cast<unsigned char*>(name.data());
    if (!FPDFPageObjMark_GetParamBlobValue(mark, "Name", buffer, bytes, &bytes)) continue;
    if (layers.contains(name)) return true;
  }
  return false;
}

/// True if a letter follows the last one of a piece without a gap.
bool continues(const TextPiece& piece, const Character& last, const Character& next) {
  if (piece.quarter_turns != next.quarter_turns) return false;
  // PDFium splits ligatures: each letter has the place of all.
  if (last.object == next.object && last.box == next.box) return true;
  const Stretch before = along(last.box, piece.quarter_turns);
  const Stretch here = along(next.box, piece.quarter_turns);
  const Stretch line = across(last.box, piece.quarter_turns);
  const Stretch rows = across(next.box, piece.quarter_turns);
  const float height = std::max(line.length(), rows.length());
  // PDFium keeps such letters in reading order.
  const bool goes_left =
      text::is_right_to_left(last.code_point) && text::is_right_to_left(next.code_point);
  const float gap = goes_left ? before.begin - here.end : here.begin - before.end;
  return gap < kWidestGap * height && gap > -kWidestOverlap * height &&
         overlap(line, rows) > 0.5f * std::min(line.length(), rows.length());
}

}  // namespace

bool is_finite(const FS_RECTF& box) {
  return std::isfinite(box.left) && std::isfinite(box.top) && std::isfinite(box.right) &&
         std::isfinite(box.bottom);
}

PageToPicture::PageToPicture(FPDF_PAGE page, int width, int height)
    : quarter_turns_((FPDFPage_GetRotation(page) % 4 + 4) % 4),
      width_(static_cast<float>(width)),
      height_(static_cast<float>(height)) {
  FPDF_GetPageBoundingBox(page, &shown_);
}

Box PageToPicture::box(const FS_RECTF& place) const {
  const float across_page = shown_.right - shown_.left, up_page = shown_.top - shown_.bottom;
  // Fractions of the page from its left edge, and from its top.
  const float left = (place.left - shown_.left) / across_page;
  const float right = (place.right - shown_.left) / across_page;
  const float top = (shown_.top - place.top) / up_page;
  const float bottom = (shown_.top - place.bottom) / up_page;
  switch (quarter_turns_) {
    case 1:
      return {(1 - bottom) * width_, left * height_, (bottom - top) * width_,
              (right - left) * height_};
    case 2:
      return {(1 - right) * width_, (1 - bottom) * height_, (right - left) * width_,
              (bottom - top) * height_};
    case 3:
      return {top * width_, (1 - right) * height_, (bottom - top) * width_,
              (right - left) * height_};
    default:
      return {left * width_, top * height_, (right - left) * width_, (bottom - top) * height_};
  }
}

std::vector<TextPiece> text_pieces(FPDF_PAGE page, const PageToPicture& to_picture,
                                   const std::set<std::string>& hidden_layers) {
  const PdfiumText text(FPDFText_LoadPage(page));
  if (!text) return {};
  const Reader reader(page, text.get(), to_picture);
  std::vector<TextPiece> pieces;
  bool open = false;  // the last piece may go on
  Character last;     // of it
  for (int i = 0; i < reader.count(); ++i) {
    const Character character = reader.at(i);
    if (character.is_pair) ++i;
    if (character.generated || character.is_space) {
      if (open) pieces.back().space_after = true;
      open = false;
      continue;
    }
    if (character.code_point == kSoftHyphen) {
      if (open) pieces.back().is_divided = true;
      last = character;
      continue;
    }
    if (!open || !continues(pieces.back(), last, character)) {
      const bool painted = FPDFTextObj_GetTextRenderMode(character.object) != kPdfInvisible;
      const bool shown = hidden_layers.empty() || !is_in_layer(character.object, hidden_layers);
      pieces.push_back({{}, character.box, false, character.quarter_turns, painted, shown});
      pieces.back().object = character.object;
    }
    const std::string_view letters = ligature(character.code_point);
    if (letters.empty()) {
      text::append_utf8(pieces.back().text, character.code_point);
    } else {
      pieces.back().text += letters;
    }
    pieces.back().is_divided = false;
    pieces.back().box = around(pieces.back().box, character.box);
    last = character;
    open = true;
  }
  return pieces;
}

}  // namespace oko::document

// Any bytes as a text document: either its text, which is valid UTF-8, or oko::Error. The first
// byte is the kind: "p", "m", "h", "d", "e"; "x" is word/document.xml within a DOCX file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/text_escape.h"
#include "document/text_document.h"
#include "tests/support/docx_file.h"

namespace {

using oko::document::TextKind;

TextKind kind_of(char letter) {
  switch (letter) {
    case 'm':
      return TextKind::kMarkdown;
    case 'h':
      return TextKind::kHtml;
    case 'd':
    case 'x':
      return TextKind::kDocx;
    case 'e':
      return TextKind::kEmail;
    default:
      return TextKind::kPlain;
  }
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char letter = static_cast<char>(data[0]);
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  oko::document::text_kind_of("a.txt", bytes);
  if (letter == 'x') bytes = oko::zip_file({{"word/document.xml", bytes}});
  oko::document::TextLimits limits;
  limits.max_unpacked_bytes = 20'000'000;
  try {
    const auto document = oko::document::parse_text_document(bytes, kind_of(letter), "f", limits);
    for (const auto& block : document.blocks) {
      require(oko::is_plain_utf8(block.text) && !block.text.empty());
    }
    require(oko::is_plain_utf8(document.title));
  } catch (const oko::Error&) {
  }
  return 0;
}

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "document/page.h"

namespace oko::document {

/// Invisible text for the pages of one PDF, which a search finds, and its font.
class InvisibleText {
 public:
  /// The objects of the font, each after those that it refers to.
  enum Part : std::size_t {
    kFontFile,
    kGlyphMap,
    kUnicodeMap,  ///< complete once all pages are written
    kDescriptor,
    kCidFont,
    kFont,
    kParts,
  };
  static bool is_stream(Part part) { return part < kDescriptor; }

  /// The operators that write `text` on a page of `width` × `height` points, the origin bottom
  /// left. The words of a line share a baseline, even if it slopes. `font`: its name in the
  /// resources of the page.
  std::string content(const Page& text, double width, double height, std::string_view font);

  /// The content of a stream of the font.
  std::string stream_data(Part part) const;

  /// The dictionary entries of an object that is no stream, and those that refer to other objects
  /// of the font.
  static std::string entries(Part part);
  struct Link {
    const char* key;
    Part part;
    bool in_array = false;
  };
  static std::vector<Link> links(Part part);

 private:
  std::string codes_of(std::string_view utf8);

  /// Characters beyond U+FFFF get the codes of surrogates, in the order of their use.
  std::map<char32_t, std::uint16_t> supplementary_;
};

}  // namespace oko::document

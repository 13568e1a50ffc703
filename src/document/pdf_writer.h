#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "document/page_picture.h"
#include "ocr/page.h"

namespace oko::document {

/// Writes a searchable PDF: pages of a picture with its text, invisible, over it. Page by page to a
/// sink that need not seek; of what is written only the places of the objects are kept.
class PdfWriter {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// `title`: UTF-8. What the sink throws leaves the function that wrote.
  PdfWriter(Sink sink, std::string_view title);

  /// The boxes of `text` are in pixels of its own width and height. Throws kFailed where the file
  /// would be over 10 GB, as far as its table of objects reaches.
  void add_page(const PagePicture& picture, const ocr::Page& text);

  /// Ends the file: nothing comes after it.
  void finish();

 private:
  void write(std::string_view bytes);
  void begin_object(std::size_t number);
  void write_object(std::size_t number, std::string_view body);
  void write_stream(std::size_t number, std::string_view entries, std::string_view bytes);
  void write_compressed(std::size_t number, std::string_view entries, std::string_view bytes);
  void write_font();
  std::string text_of(const ocr::Page& text, const PagePicture& picture);
  std::string codes_of(std::string_view utf8);

  Sink sink_;
  std::string title_;
  std::uint64_t written_ = 0;           ///< bytes
  std::vector<std::uint64_t> offsets_;  ///< of object i + 1 from the start of the file, bytes
  std::size_t pages_ = 0;
  /// Characters beyond U+FFFF have the codes of surrogates, as they come.
  std::map<char32_t, std::uint16_t> supplementary_;
};

}  // namespace oko::document

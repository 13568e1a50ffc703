#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "document/invisible_text.h"
#include "document/page.h"
#include "document/sheet.h"

namespace oko::document {

/// Writes a searchable PDF: pages of a picture with its text, invisible, over it. Writes page by
/// page to a sink that need not seek, and keeps only the offsets of the written objects.
class PdfWriter {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// `title`: UTF-8. Exceptions of the sink pass through.
  PdfWriter(Sink sink, std::string_view title);

  /// The boxes of `text` are in pixels of its own width and height. A sheet without a picture is a
  /// blank page. Throws kFailed if the file would be over 10 GB, the limit of its table of objects.
  void add_page(const Sheet& sheet, const Page& text);

  /// Ends the file: nothing comes after it.
  void finish();

 private:
  void write(std::string_view bytes);
  std::size_t next_object();
  void begin_object(std::size_t number);
  void write_object(std::size_t number, std::string_view body);
  void write_stream(std::size_t number, std::string_view entries, std::string_view bytes);
  void write_compressed(std::size_t number, std::string_view entries, std::string_view bytes);
  void write_font(InvisibleText::Part part);
  void write_picture(std::size_t number, const image::JpegFile& picture);
  std::size_t profile_object(const std::string& profile, int components);

  Sink sink_;
  std::string title_;
  InvisibleText text_;
  std::uint64_t written_ = 0;           ///< bytes
  std::vector<std::uint64_t> offsets_;  ///< of object i + 1 from the start of the file, bytes
  std::vector<std::size_t> pages_;      ///< their objects
  std::map<std::string, std::size_t> profiles_;  ///< of colours, and their objects
};

}  // namespace oko::document

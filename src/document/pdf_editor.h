#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/input_file.h"
#include "document/invisible_text.h"
#include "document/page.h"
#include "document/qpdf_file.h"
#include "document/sheet.h"

namespace oko::document {

/// Adds invisible text to the pages of a PDF and leaves all else as it is: the look of pages,
/// stored streams, outlines, forms, attachments, encryption. One thread at a time.
class PdfEditor {
 public:
  /// Null if qpdf cannot open the file, or counts other pages than `pages`.
  static std::unique_ptr<PdfEditor> open(const InputFile& file, int pages,
                                         const std::string& password = {});

  /// `sheet`: the page as it is shown. The boxes of `text` are in pixels of its own width and
  /// height. Throws kFailed if qpdf does.
  void add_text(int page, const Sheet& sheet, const Page& text);

  /// Removes the text objects that are never painted, as programs put them on scanned pages, from
  /// the page and from the forms that it paints. Throws kFailed.
  void remove_invisible_text(int page);

  bool is_changed() const { return font_.has_value(); }

  /// True if the file says that it has signatures, which are valid for its own bytes only.
  bool is_signed() const;

  /// True if the file has an outline, fields of forms or attachments.
  bool has_more_than_pages() const;

  /// Adds all pages of `other`, which must outlive `write`, before the first page or behind the
  /// last one. Drops everything else of it: outlines, fields of forms, attachments. Throws kFailed.
  void add_pages(PdfEditor& other, bool before);

  /// Throws kFailed, also if not all of it could be written.
  void write(const std::filesystem::path& path);

 private:
  PdfEditor(const std::filesystem::path& path, std::string password)
      : name_(path.string()), password_(std::move(password)) {}

  void copy_entries(qpdf_oh from, qpdf_oh to);
  qpdf_oh copy_of(qpdf_oh dictionary);
  std::string data_of(qpdf_oh page_or_stream);
  void clean_forms(qpdf_oh page, std::string_view content);
  qpdf_oh new_stream(const std::string& data);
  void replace_data(qpdf_oh stream, const std::string& data);
  void make_font();
  void complete_font();
  qpdf_oh resources_of(qpdf_oh page);
  std::string font_name(qpdf_oh page);
  void throw_on_error();

  QpdfFile qpdf_;
  std::string name_;      ///< of the file, for messages
  std::string password_;  ///< of the file, and of the written one
  InvisibleText text_;
  std::optional<qpdf_oh> font_;
  qpdf_oh unicode_map_ = 0;
};

}  // namespace oko::document

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/localized_text.h"
#include "document/page.h"
#include "document/pages.h"
#include "document/pdf_writer.h"
#include "document/sheet.h"

namespace oko::document {

/// Makes one searchable PDF from the pages of files, in their order. Pictures become pages and are
/// written at once. Pages of PDF files stay unchanged and get the text that was read in their
/// pictures, invisible. The first PDF file is the base that is rewritten, or copied if nothing is
/// added to it.
class SearchablePdf {
 public:
  using Sink = PdfWriter::Sink;

  /// `title`: UTF-8, of a PDF made of pictures alone.
  SearchablePdf(Pages& pages, Sink sink, std::string title);
  ~SearchablePdf();

  /// Adds page `i` of `pages`; call it in their order. Throws kFailed, and as the sink does.
  void add_page(std::size_t i, const Sheet& sheet, const Page& text);

  /// Page `i` could not be read: a page of a PDF stays without new text, others become blank pages.
  void skip_page(std::size_t i) { skipped_.push_back(i); }

  /// Ends the file; writes nothing if no page was added. Returns notes for the user.
  std::vector<LocalizedText> finish();

 private:
  /// Pages of a run of pictures, or of one PDF file.
  struct Part;

  Part& part_of(std::size_t i);
  void add_skipped();
  static void add_picture(Part& part, const Sheet& sheet, const Page& text);
  void add_notes(const Part& part, std::vector<LocalizedText>& notes) const;
  void copy(const InputFile& file);
  void write_whole(std::vector<LocalizedText>& notes);

  Pages& pages_;
  Sink sink_;
  std::string title_;
  bool streams_ = true;  ///< no file is a PDF: pages go to the sink at once
  bool any_page_ = false;
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<std::size_t> skipped_;  ///< since the last page that was added
};

}  // namespace oko::document

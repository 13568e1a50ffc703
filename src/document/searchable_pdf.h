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

/// Makes one PDF that can be searched of the pages of files, in their order. Pictures become pages,
/// written as they come. Pages of PDF files stay what they are, with invisible text where it was
/// read in their pictures: the first such file is the one that is written again, and it is copied
/// where that adds nothing.
class SearchablePdf {
 public:
  using Sink = PdfWriter::Sink;

  /// `title`: UTF-8, of a PDF made of pictures alone.
  SearchablePdf(Pages& pages, Sink sink, std::string title);
  ~SearchablePdf();

  /// Page `i` of `pages`, one after the other. Throws kFailed, and what the sink throws.
  void add_page(std::size_t i, const Sheet& sheet, const Page& text);

  /// A page that could not be read stays, without text; one of which there is nothing is blank.
  void skip_page(std::size_t i) { skipped_.push_back(i); }

  /// Ends the file; nothing is written where no page was added. What the user is to know of the
  /// result.
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

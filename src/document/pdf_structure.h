#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/input_file.h"
#include "document/content_stream.h"

namespace oko::document {

/// Facts about a PDF that PDFium does not give, read by qpdf. One thread at a time.
class PdfStructure {
 public:
  /// Nothing is known of a file that qpdf cannot open.
  explicit PdfStructure(std::shared_ptr<const InputMapping> file);
  ~PdfStructure();
  PdfStructure(const PdfStructure&) = delete;
  PdfStructure& operator=(const PdfStructure&) = delete;

  /// Pages as qpdf counts them; 0 if it cannot open the file.
  int page_count() const { return page_count_; }

  /// How the content of a page, counted from 0, ends: also broken if one of its streams is not in
  /// the file or cannot be inflated. PDFium ignores that silently.
  ContentEnd content_end(int page) const;

  /// The names of layers (optional content groups) that are not shown when the file is opened, and
  /// of no layer that is: bytes of the file.
  std::set<std::string> hidden_layers() const;

  /// True if the file is a cover for the files in it.
  bool is_portfolio() const;

  /// True if its pages are made of a form of XML (XFA), which PDFium does not show.
  bool is_xml_form() const;

  /// 1/72 inches in a unit of a page's space: 1 unless the page says otherwise.
  double user_unit(int page) const;

  /// True if the page has a CropBox, its own or inherited.
  bool has_crop_box(int page) const;

 private:
  struct File;
  std::unique_ptr<File> file_;  ///< null if qpdf cannot open it
  int page_count_ = 0;
};

}  // namespace oko::document

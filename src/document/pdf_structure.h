#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/input_file.h"
#include "document/content_stream.h"

namespace oko::document {

/// Facts about a PDF that PDFium does not give; qpdf reads them. One thread at a time.
class PdfStructure {
 public:
  /// Nothing is known of a file that qpdf cannot open.
  explicit PdfStructure(std::shared_ptr<const InputMapping> file, const std::string& password = {});
  ~PdfStructure();
  PdfStructure(const PdfStructure&) = delete;
  PdfStructure& operator=(const PdfStructure&) = delete;

  /// Pages as qpdf counts them; 0 if it cannot open the file.
  int page_count() const { return page_count_; }

  /// The end of the content of a page, counted from 0: broken also if one of its streams is not in
  /// the file or cannot be inflated, which PDFium ignores silently.
  ContentEnd content_end(int page) const;

  /// The names, as bytes of the file, of the layers (optional content groups) that are hidden when
  /// the file is opened, without names that a visible layer has too.
  std::set<std::string> hidden_layers() const;

  /// True if the file is a cover for the files in it.
  bool is_portfolio() const;

  /// True if its pages are made from an XML form (XFA), which PDFium does not show.
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

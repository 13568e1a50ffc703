#pragma once

#include <filesystem>
#include <memory>

namespace oko::document {

/// Looks for damage in a PDF that PDFium passes over without a word (by qpdf). One thread at a
/// time.
class PdfStructure {
 public:
  /// A file that qpdf cannot open has no damage that could be told.
  explicit PdfStructure(const std::filesystem::path& path);
  ~PdfStructure();
  PdfStructure(const PdfStructure&) = delete;
  PdfStructure& operator=(const PdfStructure&) = delete;

  /// Whether a stream of the page's content, counted from 0, cannot be decoded to its end.
  bool has_damaged_content(int page) const;

 private:
  struct File;
  std::unique_ptr<File> file_;  ///< null where qpdf cannot open it
};

}  // namespace oko::document

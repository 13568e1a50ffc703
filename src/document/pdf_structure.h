#pragma once

#include <filesystem>
#include <memory>

namespace oko::document {

/// Looks for damage in a PDF that PDFium passes over without a word. One thread at a
/// time.
class PdfStructure {
 public:
  /// A file that qpdf cannot open has no damage that could be told.
  explicit PdfStructure(const std::filesystem::path& path);
  ~PdfStructure();
  PdfStructure(const PdfStructure&) = delete;
  PdfStructure& operator=(const PdfStructure&) = delete;

  /// Whether a stream of the content of a page, counted from 0, cannot be inflated.
  bool has_damaged_content(int page) const;

 private:
  struct File;
  std::unique_ptr<File> file_;  ///< null where qpdf cannot open it
};

}  // namespace oko::document

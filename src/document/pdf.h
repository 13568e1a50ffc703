#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/input_file.h"
#include "base/localized_text.h"
#include "document/page.h"
#include "document/pdf_structure.h"
#include "document/pdfium_library.h"
#include "document/sheet.h"
#include "image/image.h"

namespace oko::document {

inline constexpr double kPointsPerInch = 72;

/// The resolution of pages as pictures.
struct PdfOptions {
  double resolution = 300;  ///< pixels an inch, fewer if a page would be over `max_pixels`
  std::uint64_t max_pixels = 20'000'000;  ///< of a page: A3 at 300 pixels an inch
  std::string password = {};
  bool takes_password = true;  ///< false: the caller has no way to give one
};

/// A page as it is shown: cut to its crop box and turned as the file asks.
struct PageSize {
  double width_points = 0;
  double height_points = 0;
  int width = 0;          ///< pixels of its picture, at least 1
  int height = 0;         ///< pixels of its picture, at least 1
  double resolution = 0;  ///< pixels an inch of its picture
};

/// The text of a page in the file.
struct TextLayer {
  std::optional<Page> page = {};  ///< see Pdf::text_layer
  std::size_t characters = 0;     ///< also of text that cannot be read
  std::size_t words_hidden = 0;   ///< in hidden layers of the file, and left out
  std::size_t words_unseen = 0;   ///< covered or without a colour, and left out
  std::size_t words_outside = 0;  ///< beyond the edges of the page
  bool keeps_outside = false;     ///< true if `page` has them
};

/// An open PDF file. Pages are counted from 0. One thread at a time; objects of one file do not
/// disturb each other, but PDFium works for one of them at a time. Functions of a page throw
/// kNotFound if it is missing, kBadInput if it is damaged.
class Pdf {
 public:
  /// Throws kUnsupported: not a PDF, protected by another password; kBadInput: cut off, damaged,
  /// without pages; with a path also as InputFile does.
  explicit Pdf(const InputFile& file, const PdfOptions& options = {});
  explicit Pdf(const std::filesystem::path& path, const PdfOptions& options = {});
  ~Pdf();
  Pdf(const Pdf&) = delete;
  Pdf& operator=(const Pdf&) = delete;

  int page_count() const { return page_count_; }

  PageSize page_size(int page) const;

  /// The page itself, as the ground of added text.
  Sheet sheet(int page) const;

  /// True if PdfEditor can add text to its pages.
  bool can_be_edited() const { return structure().page_count() == page_count_; }

  /// The file's text of a page, its boxes in pixels of `render`; none if it is not readable: a
  /// scanned page, or letters whose meaning the file does not give.
  std::optional<Page> text_layer(int page) const { return read_text_layer(page).page; }

  /// The same, with counts of the left out text. `only_painted`: without invisible text.
  TextLayer read_text_layer(int page, bool only_painted = false) const;

  /// Notes for the user about content that no page shows; empty if there is none.
  std::vector<LocalizedText> hidden_content(int page) const;

  /// The places of the page with other content than text: pictures, fields of forms, notes, and
  /// shapes as small and as many as letters that were turned into outlines. In pixels of `render`;
  /// they may overlap.
  std::vector<Box> pictures(int page) const;

  /// Draws a page. Also throws kBadInput if its content, or a picture on it, is damaged or cut.
  image::Image render(int page) const;

  /// Frees the memory of the last page; the next use opens it again.
  void close_page() const;

 private:
  FPDF_PAGE open_page(int page) const;
  PageSize size_of(double width_points, double height_points, int number) const;
  const PdfStructure& structure() const;
  [[noreturn]] void throw_damaged_page(int page) const;

  std::shared_ptr<const InputMapping> bytes_;
  std::string name_;  ///< of the file, for messages
  PdfOptions options_;
  PdfiumDocument document_;
  std::unique_ptr<FPDF_FORMFILLINFO> form_info_;     ///< PDFium keeps a pointer to it
  PdfiumForm form_;                                  ///< draws the fields of forms; may be null
  mutable std::unique_ptr<PdfStructure> structure_;  ///< made by the first page
  mutable std::set<std::string> hidden_layers_;      ///< with it
  mutable PdfiumPage opened_;                        ///< the last page
  mutable int opened_number_ = 0;
  int page_count_ = 0;
};

/// True if the first 1024 bytes of a file say that it is a PDF, and it is not a picture. Its name
/// does not count.
bool is_pdf(const InputFile& file);
/// The same by the first 1024 bytes.
bool is_pdf(std::string_view head);

}  // namespace oko::document

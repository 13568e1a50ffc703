#pragma once

#include <cstdint>

#include "base/input_file.h"
#include "document/pdf.h"
#include "document/pdf_page.h"
#include "document/text_document.h"
#include "image/image.h"

namespace oko::document {

/// Decodes files in another place than this process, which only sees sizes, texts and pixels. Pages
/// are counted from 0. Any thread may call, one at a time works. Its functions throw as those of
/// the same name in image/, of Pdf and of text_document.h; kBadInput if the decoder fails,
/// kCancelled.
class PageDecoder {
 public:
  PageDecoder() = default;
  virtual ~PageDecoder() = default;
  PageDecoder(const PageDecoder&) = delete;
  PageDecoder& operator=(const PageDecoder&) = delete;

  /// Of a picture file or PDF.
  virtual int page_count(const InputFile& file, const PdfOptions& options) = 0;

  // Of a picture file. The header counts the memory of both places.
  virtual image::Header read_header(const InputFile& file, const image::Limits& limits,
                                    int page) = 0;
  virtual image::Image load(const InputFile& file, const image::Limits& limits, int page) = 0;

  // Of a PDF.
  virtual PageSize page_size(const InputFile& file, const PdfOptions& options, int page) = 0;
  virtual PdfPage read_page(const InputFile& file, const PdfOptions& options, int page,
                            const PdfPageOptions& needs) = 0;

  /// The text of a file that has no pages.
  virtual TextDocument read_text_document(const InputFile& file, TextKind kind) = 0;

  /// Memory that a drawn page of `pixels` takes elsewhere, in bytes.
  virtual std::uint64_t bytes_elsewhere(std::uint64_t pixels) const = 0;
};

}  // namespace oko::document

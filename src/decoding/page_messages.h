#pragma once

#include "base/error.h"
#include "decoding/message.h"
#include "document/pdf.h"
#include "document/pdf_page.h"
#include "document/text_document.h"
#include "image/image.h"

namespace oko::decoding {

/// What a helper is asked. Each but the first is about the file that was opened last.
enum class Call : std::uint8_t {
  kOpen,  ///< with the descriptor of a file: its name
  kPageCount,
  kReadHeader,
  kLoad,
  kPageSize,
  kReadPage,
  kReadText,
};

// Readers throw BadMessage for values that no decoder gives: the helper is not trusted. Whether a
// picture is as large as it was said to be is the caller's to check.

void write(MessageWriter& to, const image::Limits& limits);
image::Limits read_limits(MessageReader& from);

void write(MessageWriter& to, const document::PdfOptions& options);
document::PdfOptions read_pdf_options(MessageReader& from);

void write(MessageWriter& to, const Error& error);
Error read_error(MessageReader& from);

void write(MessageWriter& to, const image::Header& header);
image::Header read_header(MessageReader& from);

/// Without its pixels.
void write(MessageWriter& to, const image::Image& image);
image::Image read_image(MessageReader& from);

void write(MessageWriter& to, const document::PageSize& size);
document::PageSize read_page_size(MessageReader& from);

/// Without the pixels of its picture.
void write(MessageWriter& to, const document::PdfPage& page);
document::PdfPage read_page(MessageReader& from);

void write(MessageWriter& to, const document::TextDocument& text);
document::TextDocument read_text_document(MessageReader& from);

}  // namespace oko::decoding

#pragma once

#include <memory>
#include <mutex>

#include "document/pdfium.h"

namespace oko::document {

/// PDFium may run one call at a time in a process. A caller holds this lock, also to close an
/// object. The first call starts the library.
std::unique_lock<std::mutex> lock_pdfium();

struct ClosePdfium {
  void operator()(FPDF_DOCUMENT document) const { FPDF_CloseDocument(document); }
  void operator()(FPDF_FORMHANDLE form) const { FPDFDOC_ExitFormFillEnvironment(form); }
  void operator()(FPDF_PAGE page) const { FPDF_ClosePage(page); }
  void operator()(FPDF_TEXTPAGE text) const { FPDFText_ClosePage(text); }
  void operator()(FPDF_ANNOTATION annotation) const { FPDFPage_CloseAnnot(annotation); }
  void operator()(FPDF_BITMAP bitmap) const { FPDFBitmap_Destroy(bitmap); }
};

using PdfiumDocument = std::unique_ptr<pdfium_document, ClosePdfium>;
using PdfiumForm = std::unique_ptr<pdfium_form, ClosePdfium>;
using PdfiumPage = std::unique_ptr<pdfium_page, ClosePdfium>;
using PdfiumText = std::unique_ptr<pdfium_textpage, ClosePdfium>;
using PdfiumAnnotation = std::unique_ptr<pdfium_annotation, ClosePdfium>;
using PdfiumBitmap = std::unique_ptr<pdfium_bitmap, ClosePdfium>;

}  // namespace oko::document

#pragma once

/// The functions of PDFium that oko calls, as its public headers declare them (fpdfview.h,
/// fpdf_text.h, fpdf_edit.h, fpdf_annot.h, fpdf_formfill.h). The wheel that the library comes in
/// has no headers; tests/document/pdfium_test.cpp compares these declarations with its bindings.
/// Two of them never run at once: a caller holds `lock_pdfium()` (pdfium_library.h).
extern "C" {

using FPDF_BOOL = int;
using FPDF_DOCUMENT = struct pdfium_document*;
using FPDF_PAGE = struct pdfium_page*;
using FPDF_TEXTPAGE = struct pdfium_textpage*;
using FPDF_BITMAP = struct pdfium_bitmap*;
using FPDF_ANNOTATION = struct pdfium_annotation*;
using FPDF_FORMHANDLE = struct pdfium_form*;
using FPDF_PAGEOBJECT = struct pdfium_pageobject*;
using FPDF_PAGEOBJECTMARK = struct pdfium_pageobjectmark*;
using FPDF_WCHAR = unsigned short;

/// Points of the page, y upwards.
struct FS_RECTF {
  float left;
  float top;
  float right;
  float bottom;
};

struct FS_SIZEF {
  float width;
  float height;
};

/// x' = ax + cy + e, y' = bx + dy + f.
struct FS_MATRIX {
  float a = 1, b = 0, c = 0, d = 1, e = 0, f = 0;
};

struct FPDF_IMAGEOBJ_METADATA {
  unsigned int width;
  unsigned int height;
  float horizontal_dpi;
  float vertical_dpi;
  unsigned int bits_per_pixel;  ///< as PDFium decodes it: 1, 8 or 24
  int colorspace;
  int marked_content_id;
};

/// Callbacks of PDFium while a user fills in a form: all empty.
struct FPDF_FORMFILLINFO {
  int version;          ///< 2
  void* functions[64];  ///< more than it has, null
};

void FPDF_InitLibrary(void);
unsigned long FPDF_GetLastError(void);

FPDF_DOCUMENT FPDF_LoadMemDocument64(const void* data, size_t size, const char* password);
void FPDF_CloseDocument(FPDF_DOCUMENT document);
int FPDF_GetPageCount(FPDF_DOCUMENT document);
FPDF_BOOL FPDF_GetPageSizeByIndexF(FPDF_DOCUMENT document, int page, FS_SIZEF* size);

FPDF_FORMHANDLE FPDFDOC_InitFormFillEnvironment(FPDF_DOCUMENT document, FPDF_FORMFILLINFO* info);
void FPDFDOC_ExitFormFillEnvironment(FPDF_FORMHANDLE form);
void FPDF_FFLDraw(FPDF_FORMHANDLE form, FPDF_BITMAP bitmap, FPDF_PAGE page, int left, int top,
                  int width, int height, int rotation, int flags);

FPDF_PAGE FPDF_LoadPage(FPDF_DOCUMENT document, int page);
void FPDF_ClosePage(FPDF_PAGE page);
FPDF_BOOL FPDF_GetPageBoundingBox(FPDF_PAGE page, FS_RECTF* box);
int FPDFPage_GetRotation(FPDF_PAGE page);
int FPDFPage_GetAnnotCount(FPDF_PAGE page);
FPDF_ANNOTATION FPDFPage_GetAnnot(FPDF_PAGE page, int index);
void FPDFPage_CloseAnnot(FPDF_ANNOTATION annotation);
int FPDFAnnot_GetSubtype(FPDF_ANNOTATION annotation);
FPDF_BOOL FPDFAnnot_GetRect(FPDF_ANNOTATION annotation, FS_RECTF* box);
int FPDFPage_CountObjects(FPDF_PAGE page);
FPDF_PAGEOBJECT FPDFPage_GetObject(FPDF_PAGE page, int index);
int FPDFPageObj_GetType(FPDF_PAGEOBJECT object);
FPDF_BOOL FPDFPageObj_GetMatrix(FPDF_PAGEOBJECT object, FS_MATRIX* matrix);
FPDF_BOOL FPDFPageObj_GetFillColor(FPDF_PAGEOBJECT object, unsigned int* red, unsigned int* green,
                                   unsigned int* blue, unsigned int* opacity);
FPDF_BOOL FPDFPath_GetDrawMode(FPDF_PAGEOBJECT path, int* fill_mode, FPDF_BOOL* stroke);
int FPDFFormObj_CountObjects(FPDF_PAGEOBJECT form);
FPDF_PAGEOBJECT FPDFFormObj_GetObject(FPDF_PAGEOBJECT form, unsigned long index);
FPDF_BOOL FPDFPageObj_GetBounds(FPDF_PAGEOBJECT object, float* left, float* bottom, float* right,
                                float* top);
FPDF_BOOL FPDFPageObj_SetIsActive(FPDF_PAGEOBJECT object, FPDF_BOOL active);
int FPDFPageObj_CountMarks(FPDF_PAGEOBJECT object);
FPDF_PAGEOBJECTMARK FPDFPageObj_GetMark(FPDF_PAGEOBJECT object, unsigned long index);
FPDF_BOOL FPDFPageObjMark_GetName(FPDF_PAGEOBJECTMARK mark, FPDF_WCHAR* buffer, unsigned long bytes,
                                  unsigned long* needed);
FPDF_BOOL FPDFPageObjMark_GetParamBlobValue(FPDF_PAGEOBJECTMARK mark, const char* key,
                                            unsigned char* buffer, unsigned long bytes,
                                            unsigned long* needed);
int FPDFTextObj_GetTextRenderMode(FPDF_PAGEOBJECT text);
FPDF_BITMAP FPDFImageObj_GetBitmap(FPDF_PAGEOBJECT image);
int FPDFImageObj_GetImageFilterCount(FPDF_PAGEOBJECT image);
unsigned long FPDFImageObj_GetImageFilter(FPDF_PAGEOBJECT image, int index, void* buffer,
                                          unsigned long bytes);
FPDF_BOOL FPDFImageObj_GetImageMetadata(FPDF_PAGEOBJECT image, FPDF_PAGE page,
                                        FPDF_IMAGEOBJ_METADATA* metadata);
unsigned long FPDFImageObj_GetImageDataDecoded(FPDF_PAGEOBJECT image, void* buffer,
                                               unsigned long bytes);
unsigned long FPDFImageObj_GetImageDataRaw(FPDF_PAGEOBJECT image, void* buffer,
                                           unsigned long bytes);

FPDF_BITMAP FPDFBitmap_CreateEx(int width, int height, int format, void* first_row, int stride);
void FPDFBitmap_Destroy(FPDF_BITMAP bitmap);
void FPDF_RenderPageBitmap(FPDF_BITMAP bitmap, FPDF_PAGE page, int left, int top, int width,
                           int height, int rotation, int flags);

FPDF_TEXTPAGE FPDFText_LoadPage(FPDF_PAGE page);
void FPDFText_ClosePage(FPDF_TEXTPAGE text);
int FPDFText_CountChars(FPDF_TEXTPAGE text);
unsigned int FPDFText_GetUnicode(FPDF_TEXTPAGE text, int index);
FPDF_PAGEOBJECT FPDFText_GetTextObject(FPDF_TEXTPAGE text, int index);
int FPDFText_IsGenerated(FPDF_TEXTPAGE text, int index);
int FPDFText_IsHyphen(FPDF_TEXTPAGE text, int index);
int FPDFText_HasUnicodeMapError(FPDF_TEXTPAGE text, int index);
float FPDFText_GetCharAngle(FPDF_TEXTPAGE text, int index);
FPDF_BOOL FPDFText_GetLooseCharBox(FPDF_TEXTPAGE text, int index, FS_RECTF* box);
}

namespace oko::document {

// Their names and values: PDFium's headers.
inline constexpr unsigned long kPdfErrorPassword = 4;  // FPDF_ERR_PASSWORD
inline constexpr unsigned long kPdfErrorSecurity = 5;  // FPDF_ERR_SECURITY
inline constexpr int kPdfBitmapBgr = 2;                // FPDFBitmap_BGR
inline constexpr int kPdfDrawAnnotations = 0x01;       // FPDF_ANNOT
inline constexpr int kPdfReverseByteOrder = 0x10;      // FPDF_REVERSE_BYTE_ORDER
inline constexpr int kPdfAnnotationLink = 2;           // FPDF_ANNOT_LINK
inline constexpr int kPdfAnnotationPopup = 16;         // FPDF_ANNOT_POPUP
inline constexpr int kPdfInvisible = 3;                // FPDF_TEXTRENDERMODE_INVISIBLE
inline constexpr int kPdfObjectText = 1;               // FPDF_PAGEOBJ_TEXT
inline constexpr int kPdfObjectPath = 2;               // FPDF_PAGEOBJ_PATH
inline constexpr int kPdfObjectImage = 3;              // FPDF_PAGEOBJ_IMAGE
inline constexpr int kPdfObjectForm = 5;               // FPDF_PAGEOBJ_FORM
inline constexpr int kPdfCmyk = 3;                     // FPDF_COLORSPACE_DEVICECMYK

}  // namespace oko::document

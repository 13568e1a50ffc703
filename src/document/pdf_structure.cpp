#include "document/pdf_structure.h"

#include <cstddef>
#include <exception>
#include <qpdf/Pl_Discard.hh>
#include <qpdf/QPDF.hh>
#include <qpdf/QPDFObjectHandle.hh>
#include <vector>

namespace oko::document {
namespace {

bool is_damaged(QPDFObjectHandle stream) {
  if (!stream.isStream()) return false;
  Pl_Discard nowhere;
  try {
    return !stream.pipeStreamData(&nowhere, 0, qpdf_dl_generalized, /*suppress_warnings=*/false,
                                  /*will_retry=*/false);
  } catch (const std::exception&) {
    return true;
  }
}

}  // namespace

struct PdfStructure::File {
  QPDF pdf;
};

PdfStructure::PdfStructure(const std::filesystem::path& path) : file_(new File) {
  try {
    file_->pdf.setSuppressWarnings(true);
    file_->pdf.processFile(path.c_str());
  } catch (const std::exception&) {
    file_.reset();
  }
}

PdfStructure::~PdfStructure() = default;

bool PdfStructure::has_damaged_content(int page) const {
  if (!file_) return false;
  try {
    const std::vector<QPDFObjectHandle>& pages = file_->pdf.getAllPages();
    if (static_cast<std::size_t>(page) >= pages.size()) return false;
    QPDFObjectHandle object = pages[static_cast<std::size_t>(page)];
    QPDFObjectHandle contents = object.getKey("/Contents");
    if (!contents.isArray()) return is_damaged(contents);
    for (QPDFObjectHandle& part : contents.getArrayAsVector()) {
      if (is_damaged(part)) return true;
    }
    return false;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace oko::document

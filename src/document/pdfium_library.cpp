#include "document/pdfium_library.h"

namespace oko::document {

std::unique_lock<std::mutex> lock_pdfium() {
  static std::mutex mutex;
  static bool started = false;
  std::unique_lock lock(mutex);
  if (!started) FPDF_InitLibrary();
  started = true;
  return lock;
}

}  // namespace oko::document

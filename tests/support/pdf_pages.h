#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"

namespace oko {

/// The objects of a PDF whose page tree is object 2, as a file; PDFium and qpdf find them without a
/// table.
inline void write_pdf(const std::filesystem::path& path, const std::string& objects) {
  write_file_atomically(path, "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n" + objects +
                                  "trailer<</Root 1 0 R>>\n%%EOF\n");
}

/// A stream object.
inline std::string pdf_stream(int number, const std::string& entries, const std::string& bytes) {
  return std::to_string(number) + " 0 obj<<" + entries + "/Length " + std::to_string(bytes.size()) +
         ">>stream\n" + bytes + "\nendstream endobj\n";
}

}  // namespace oko

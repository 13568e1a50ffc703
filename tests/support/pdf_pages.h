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

/// The same with a table of the objects, which have the numbers 1, 2 and so on: a file that needs
/// no repair.
inline void write_pdf_with_table(const std::filesystem::path& path, const std::string& objects) {
  const std::string body = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n" + objects;
  std::string table = "0000000000 65535 f \n";
  int count = 1;
  for (;; ++count) {
    const std::size_t at = body.find("\n" + std::to_string(count) + " 0 obj");
    if (at == std::string::npos) break;
    const std::string offset = std::to_string(at + 1);
    table += std::string(10 - offset.size(), '0') + offset + " 00000 n \n";
  }
  write_file_atomically(path, body + "xref\n0 " + std::to_string(count) + "\n" + table +
                                  "trailer<</Root 1 0 R/Size " + std::to_string(count) +
                                  ">>\nstartxref\n" + std::to_string(body.size()) + "\n%%EOF\n");
}

/// A stream object.
inline std::string pdf_stream(int number, const std::string& entries, const std::string& bytes) {
  return std::to_string(number) + " 0 obj<<" + entries + "/Length " + std::to_string(bytes.size()) +
         ">>stream\n" + bytes + "\nendstream endobj\n";
}

}  // namespace oko

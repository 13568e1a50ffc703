// The declarations of document/pdfium.h agree with the library: with the Python bindings in its
// wheel, which were generated from PDFium's headers.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace oko::document {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A type of C as the bindings spell it.
std::string spelt_as_bindings(const std::string& type) {
  static const std::map<std::string, std::string> kSame = {
      {"void", "None"},
      {"int", "c_int"},
      {"unsigned int", "c_uint"},
      {"unsigned long", "c_ulong"},
      {"float", "c_float"},
      {"float*", "POINTER(c_float)"},
      {"void*", "POINTER(None)"},
      {"const void*", "POINTER(None)"},
      {"size_t", "c_size_t"},
      {"const char*", "POINTER(c_char)"},
      {"unsigned long*", "POINTER(c_ulong)"},
      {"unsigned char*", "POINTER(c_ubyte)"},
      {"FPDF_WCHAR*", "POINTER(FPDF_WCHAR)"},
      {"FPDF_FORMFILLINFO*", "POINTER(FPDF_FORMFILLINFO)"},
      {"FS_RECTF*", "POINTER(FS_RECTF)"},
      {"FS_SIZEF*", "POINTER(FS_SIZEF)"},
      {"FS_MATRIX*", "POINTER(FS_MATRIX)"},
      {"unsigned int*", "POINTER(c_uint)"},
      {"int*", "POINTER(c_int)"},
      {"FPDF_BOOL*", "POINTER(FPDF_BOOL)"},
      {"FPDF_IMAGEOBJ_METADATA*", "POINTER(FPDF_IMAGEOBJ_METADATA)"},
  };
  const auto found = kSame.find(type);
  return found == kSame.end() ? type : found->second;
}

/// Names of the bindings for the same type.
std::string resolved(const std::string& type) {
  if (type == "FPDF_BOOL" || type == "FPDF_TEXT_RENDERMODE" || type == "FPDF_ANNOTATION_SUBTYPE") {
    return "c_int";
  }
  if (type == "FPDF_DWORD") return "c_ulong";
  if (type == "FPDF_STRING" || type == "FPDF_BYTESTRING") return "POINTER(c_char)";
  return type;
}

/// Types of "TYPE NAME, TYPE NAME", each followed by ";".
std::string types_of_header(const std::string& parameters) {
  std::string types;
  std::istringstream list(parameters);
  std::string parameter;
  while (std::getline(list, parameter, ',')) {
    parameter.erase(0, parameter.find_first_not_of(' '));
    if (parameter == "void") continue;
    types += resolved(spelt_as_bindings(parameter.substr(0, parameter.rfind(' ')))) + ";";
  }
  return types;
}

/// The same for "TYPE, TYPE" in Python.
std::string types_of_bindings(const std::string& arguments) {
  std::string types;
  std::istringstream list(arguments);
  std::string type;
  while (std::getline(list, type, ',')) {
    type.erase(0, type.find_first_not_of(' '));
    if (!type.empty()) types += resolved(type) + ";";
  }
  return types;
}

TEST(PdfiumTest, DeclarationsAreThoseOfTheLibrary) {
  const std::string header = text_of(std::string(OKO_SOURCE_DIR) + "/src/document/pdfium.h");
  const std::string bindings = text_of(OKO_PDFIUM_BINDINGS);
  ASSERT_FALSE(bindings.empty()) << OKO_PDFIUM_BINDINGS;
  static const std::regex kFunction(R"(\n([A-Za-z_ ]+?) (FPDF\w+)\(([^;]*)\);)");
  int functions = 0;
  for (auto at = std::sregex_iterator(header.begin(), header.end(), kFunction);
       at != std::sregex_iterator(); ++at, ++functions) {
    const std::string name = (*at)[2].str();
    const std::string arguments = std::regex_replace((*at)[3].str(), std::regex(R"(\s+)"), " ");
    std::smatch found;
    std::string declared = "\n";
    declared += name + R"(\.argtypes = \(([^\n]*)\)\n)";
    declared += name + R"(\.restype = (\w+))";
    ASSERT_TRUE(std::regex_search(bindings, found, std::regex(declared))) << name;
    EXPECT_EQ(types_of_header(arguments), types_of_bindings(found[1].str())) << name;
    EXPECT_EQ(resolved(spelt_as_bindings((*at)[1].str())), resolved(found[2].str())) << name;
  }
  EXPECT_GT(functions, 30);
  static const std::regex kConstant(R"(k\w+ = (\w+); +// (\w+))");
  int constants = 0;
  for (auto at = std::sregex_iterator(header.begin(), header.end(), kConstant);
       at != std::sregex_iterator(); ++at, ++constants) {
    const std::string line = "\n" + (*at)[2].str() + " = ";
    const auto place = bindings.find(line);
    ASSERT_NE(place, std::string::npos) << (*at)[2];
    EXPECT_EQ(std::stoi((*at)[1].str(), nullptr, 0),
              std::stoi(bindings.substr(place + line.size(), 8), nullptr, 0))
        << (*at)[2];
  }
  EXPECT_GE(constants, 9);
}

}  // namespace
}  // namespace oko::document

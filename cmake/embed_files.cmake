# Writes a C++ source with text files in it: cmake -DOUT=FILE.cpp -DFILES=a.js,b.css -P
# embed_files.cmake. A raw string literal costs the compiler next to nothing, and is readable.
string(REPLACE "," ";" files "${FILES}")
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  file(SHA256 "${file}" hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(APPEND entries
    "    {\"${name}\", \"\\\"${hash}\\\"\",\n     R\"~file~(${text})~file~\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made by cmake/embed_files.cmake.
#include \"server/web_page.h\"

namespace oko::server {
namespace {

constexpr WebFile kFiles[] = {
${entries}};

}  // namespace

std::span<const WebFile> web_files() {
  return kFiles;
}

}  // namespace oko::server
")

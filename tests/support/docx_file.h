#pragma once

#include <zip.h>

#include <string>
#include <utility>
#include <vector>

namespace oko {

/// The bytes of a ZIP file with parts of these names and contents.
inline std::string zip_file(const std::vector<std::pair<std::string, std::string>>& parts) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_t* archive = zip_open_from_source(source, ZIP_TRUNCATE, &error);
  zip_source_keep(source);
  for (const auto& [name, content] : parts) {
    zip_source_t* part = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), part, ZIP_FL_ENC_UTF_8);
    zip_file_set_mtime(archive, static_cast<zip_uint64_t>(index), 946684800, 0);
  }
  zip_close(archive);
  zip_stat_t info;
  zip_source_stat(source, &info);
  std::string bytes(info.size, '\0');
  zip_source_open(source);
  zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  zip_source_free(source);
  zip_error_fini(&error);
  return bytes;
}

/// word/document.xml with this content of its body.
inline std::string docx_body(const std::string& content) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<w:document "
         "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\" "
         "xmlns:mc=\"http://schemas.openxmlformats.org/markup-compatibility/2006\"><w:body>" +
         content + "</w:body></w:document>";
}

/// A DOCX file with this content of its body and further parts.
inline std::string docx_file(const std::string& content,
                             std::vector<std::pair<std::string, std::string>> parts = {}) {
  parts.insert(parts.begin(), {"word/document.xml", docx_body(content)});
  return zip_file(parts);
}

}  // namespace oko

#include "server/uploaded_file.h"

#include <span>
#include <utility>

namespace oko::server {

UploadedFile::UploadedFile(std::string name, std::string_view bytes)
    : name_(std::move(name)), file_(temporary_folder() / "oko-request-", name_) {
  file_.append(std::as_bytes(std::span(bytes)));
}

LocalizedText UploadedFile::named(const LocalizedText& text) const {
  return text.with(path(), name_);
}

Error UploadedFile::named(const Error& error) const {
  return {error.code(), named(error.message()), named(error.hint())};
}

}  // namespace oko::server

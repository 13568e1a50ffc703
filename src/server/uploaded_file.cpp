#include "server/uploaded_file.h"

#include <span>
#include <utility>

namespace oko::server {

UploadedFile::UploadedFile(std::string name, std::string_view bytes)
    : name_(std::move(name)), file_(temporary_folder() / "oko-request-", name_) {
  file_.append(std::as_bytes(std::span(bytes)));
}

Error UploadedFile::named(const Error& error) const {
  return {error.code(), error.message().with(path(), name_), error.hint().with(path(), name_)};
}

}  // namespace oko::server

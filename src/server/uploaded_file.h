#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/temporary_file.h"

namespace oko::server {

/// The bytes of a request in a temporary file, whose name no client gets to see.
class UploadedFile {
 public:
  /// `name`: of the field or of the client's file, for messages. Throws kFailed.
  UploadedFile(std::string name, std::string_view bytes);

  std::string path() const { return file_.path().string(); }
  const std::string& name() const { return name_; }

  /// The same with the client's name of the file.
  LocalizedText named(const LocalizedText& text) const;
  Error named(const Error& error) const;

 private:
  std::string name_;
  TemporaryFile file_;
};

}  // namespace oko::server

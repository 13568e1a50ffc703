#include "cli/library_option.h"

#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "cli/user_language.h"

namespace oko::cli {

void add_library_option(Command& command, std::string& library) {
  command
      .add_option("--library", &library,
                  words("file of the library [default: library.db in the folder of oko, ~/.oko]",
                        "файл библиотеки [по умолчанию: library.db в папке oko, ~/.oko]"))
      .names(ValueKind::kFile);
}

std::filesystem::path library_path(const std::string& library) {
  const std::filesystem::path path =
      library.empty() ? oko_home() / "library.db" : std::filesystem::path(library);
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return path;
  throw Error(ErrorCode::kUsage,
              tr("{}: is a folder; a library is a file", "{}: это папка, а библиотека — файл",
                 path.string()),
              tr("name a file in it: {} {}", "назовите файл в ней: {} {}", Knob{"library"},
                 (path / "library.db").string()));
}

}  // namespace oko::cli

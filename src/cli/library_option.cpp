#include "cli/library_option.h"

#include "base/file.h"
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
  return library.empty() ? oko_home() / "library.db" : std::filesystem::path(library);
}

}  // namespace oko::cli

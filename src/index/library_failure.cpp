#include "index/library_failure.h"

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::index {

void fail_no_library(const std::string& shown) {
  throw Error(ErrorCode::kNotFound, tr("{}: there is no library", "{}: библиотеки нет", shown),
              tr("make one: oko index FOLDER", "создайте её: oko index ПАПКА"));
}

void fail_newer_library(const std::string& shown, std::int64_t version, std::int64_t known) {
  throw Error(ErrorCode::kUnsupported,
              tr("{}: a newer oko made this library: its version is {}, this oko knows {}",
                 "{}: эту библиотеку создал более новый oko: её версия {}, этот oko знает {}",
                 shown, version, known),
              tr("use the newer oko", "используйте более новый oko"));
}

}  // namespace oko::index

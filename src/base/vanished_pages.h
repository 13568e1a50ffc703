#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"
#include "base/language.h"

namespace oko {

/// Installs the SIGBUS handler that VanishedPages needs; `language`: of its message. `main` calls
/// it once; without it the system ends the process at a bus error.
void handle_vanished_pages(Language language);

/// A mapped file that is cut, or whose disk fails, while it is read has pages without content: the
/// kernel sends SIGBUS. With `handle_vanished_pages` that ends the program with a message that
/// names the file and the exit status of the file's error code, instead of a silent crash. A SIGBUS
/// at bytes that the file still has comes from something else and ends the program as without this
/// class. Any thread may call.
class VanishedPages {
 public:
  /// Watches `size` bytes from `data`, mapped from the start of `descriptor`, which the caller may
  /// close; `file` is its name for the message, and `bad` the code of its errors. At most 64
  /// mappings are watched at a time; further ones are not.
  VanishedPages(const void* data, std::size_t size, int descriptor, const std::string& file,
                ErrorCode bad);
  ~VanishedPages();
  VanishedPages(const VanishedPages&) = delete;
  VanishedPages& operator=(const VanishedPages&) = delete;

 private:
  int slot_ = -1;
};

}  // namespace oko

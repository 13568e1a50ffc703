#pragma once

#include <cstddef>
#include <filesystem>

#include "base/error.h"
#include "base/language.h"

namespace oko {

/// Installs the SIGBUS handler that VanishedPages needs; `language`: of its message. `main` calls
/// it once; without it the system ends the process at a bus error.
void handle_vanished_pages(Language language);

struct VanishedMapping;

/// A mapped file that is cut, or whose disk fails, while it is read has pages without content: the
/// kernel sends SIGBUS. With `handle_vanished_pages` that ends the program with a message that
/// names the file and the exit status of the file's error code, instead of a silent crash, and
/// removes temporary files. A SIGBUS at bytes that the file still has comes from something else and
/// ends the program as without this class. Any thread may call.
class VanishedPages {
 public:
  /// Watches `size` bytes from `data`, mapped from the start of `descriptor`, which the caller may
  /// close; `file` is its path, also for the message, and `bad` the code of its errors. Throws
  /// std::bad_alloc.
  VanishedPages(const void* data, std::size_t size, int descriptor,
                const std::filesystem::path& file, ErrorCode bad);
  ~VanishedPages();
  VanishedPages(const VanishedPages&) = delete;
  VanishedPages& operator=(const VanishedPages&) = delete;

 private:
  VanishedMapping* mapping_ = nullptr;
};

}  // namespace oko

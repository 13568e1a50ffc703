#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko {

MappedFile::MappedFile(const std::filesystem::path& path, ErrorCode bad)
    : path_(path), identity_(identify_file(path, bad)), size_(identity_.size) {
  if (size_ == 0) {
    throw Error(bad, tr("{}: is empty", "{}: файл пуст", path.string()),
                tr("get the file again", "получите файл заново"));
  }
  const auto fail = [&] {
    const LocalizedText reason = system_reason(errno);
    throw Error(bad, tr("{}: cannot be mapped: {}", "{}: не отображается в память: {}",
                        path.string(), reason));
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail();
  reserved_ = kHeaderBytes + size_;
  // Reserve without access: a limit of private memory counts only writable mappings.
  void* base = ::mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED || ::mprotect(base, kHeaderBytes, PROT_READ | PROT_WRITE) != 0) {
    const int error = errno;
    if (base != MAP_FAILED) ::munmap(base, reserved_);
    ::close(fd);
    errno = error;
    fail();
  }
  data_ = static_cast<std::byte*>(base) + kHeaderBytes;
  const void* file = ::mmap(data_, size_, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
  if (file == MAP_FAILED) {
    const int error = errno;
    ::munmap(base, reserved_);
    ::close(fd);
    errno = error;
    fail();
  }
  try {
    vanished_pages_.emplace(data_, size_, fd, path, bad);
    constexpr std::size_t kBegin = 1024;
    const std::string begin(reinterpret_cast<const char*>(data_), std::min(size_, kBegin));
    refuse_stand_in(begin, path, bad);
  } catch (...) {
    vanished_pages_.reset();
    ::munmap(base, reserved_);
    ::close(fd);
    throw;
  }
  ::close(fd);
}

bool MappedFile::is_current() const {
  try {
    return identify_file(path_, ErrorCode::kFailed) == identity_;
  } catch (const Error&) {
    return false;
  }
}

void MappedFile::forget(std::size_t offset, std::size_t size) const {
  // The mapping is private and read-only: its pages are those of the file.
  const std::size_t first = offset / kHeaderBytes * kHeaderBytes;
  ::madvise(data_ + first, offset + size - first, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  vanished_pages_.reset();
  ::munmap(data_ - kHeaderBytes, reserved_);
}

}  // namespace oko

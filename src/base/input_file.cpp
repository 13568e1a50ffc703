#include "base/input_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/file_failure.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko {
namespace {

/// Returns fewer bytes if the file ends. Throws `bad`.
std::string bytes_at(const std::filesystem::path& path, int descriptor, std::uint64_t offset,
                     std::size_t size, ErrorCode bad) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(descriptor, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_unreadable(path, errno, bad);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

InputMapping::InputMapping(const std::filesystem::path& path, int descriptor, std::uint64_t size,
                           ErrorCode bad)
    : name_(path.string()), size_(size) {
  if (size == 0) {
    throw Error(bad, tr("{}: is empty", "{}: файл пуст", name_),
                tr("get the file again", "получите файл заново"));
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (data == MAP_FAILED) {
    const LocalizedText reason = system_reason(errno);
    throw Error(bad,
                tr("{}: cannot be mapped: {}", "{}: не отображается в память: {}", name_, reason));
  }
  data_ = static_cast<const std::byte*>(data);
  try {
    vanished_pages_.emplace(data_, size_, descriptor, path, bad);
  } catch (...) {
    ::munmap(data, size);
    throw;
  }
}

InputMapping::~InputMapping() {
  vanished_pages_.reset();
  ::munmap(const_cast<std::byte*>(data_), size_);
}

namespace {

int open_for_reading(const std::filesystem::path& path, ErrorCode bad) {
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) throw_unreadable(path, errno, bad);
  return descriptor;
}

}  // namespace

InputFile::InputFile(std::filesystem::path path, ErrorCode bad)
    : InputFile(path, open_for_reading(path, bad), bad) {}

InputFile::InputFile(std::filesystem::path name, int descriptor, ErrorCode bad)
    : path_(std::move(name)), bad_(bad), descriptor_(descriptor) {
  try {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) throw_unreadable(path_, errno, bad);
    require_regular_file(info.st_mode, path_, bad);
    identity_ = identity_of(info);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::require_unchanged() const {
  struct stat info {};
  if (::fstat(descriptor_, &info) == 0 && identity_of(info) == identity_) return;
  throw Error(
      bad_, tr("{}: was changed while it was read", "{}: изменён, пока его читали", path_.string()),
      tr("read it again", "прочитайте его заново"));
}

std::string InputFile::part(std::uint64_t offset, std::size_t size) const {
  return bytes_at(path_, descriptor_, offset, size, bad_);
}

std::string InputFile::read(std::uint64_t max_bytes) const {
  if (size() > max_bytes) {
    const SizePair sizes(size(), max_bytes);
    throw Error(bad_ == ErrorCode::kBadInput ? ErrorCode::kTooLarge : bad_,
                tr("{}: {} is more than the limit of {}", "{}: {} — больше предела в {}",
                   path_.string(), sizes.first, sizes.second));
  }
  std::string bytes = part(0, size());
  require_unchanged();
  refuse_stand_in(bytes, path_, bad_);
  return bytes;
}

std::shared_ptr<const InputMapping> InputFile::map() const {
  refuse_stand_in(part(0, 1024), path_, bad_);
  const MutexLock lock(mutex_);
  std::shared_ptr<const InputMapping> mapping = mapping_.lock();
  if (!mapping) {
    mapping = std::make_shared<const InputMapping>(path_, descriptor_, size(), bad_);
    mapping_ = mapping;
  }
  return mapping;
}

}  // namespace oko

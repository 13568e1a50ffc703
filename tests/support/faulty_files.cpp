// Interposed before the C library (LD_PRELOAD): counts the calls that change files whose path
// begins with $OKO_FAULT_FILES, and does what $OKO_FAULT says at call $OKO_FAULT_AT of them:
//
//   kill     ends the process before the call, as kill -9 does
//   tear     writes half of the bytes, then ends the process
//   NUMBER   this call and all later ones fail with that errno; of a full disk, those that take
//            space
//
// At its end a process writes the number of calls to the file $OKO_FAULT_COUNT.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<long> calls{0};

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool is_counted(const char* path) {
  static const char* prefix = variable("OKO_FAULT_FILES");
  return *prefix != '\0' && std::strncmp(path, prefix, std::strlen(prefix)) == 0;
}

bool is_counted(int file) {
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ssize_t size = ::readlink(link, path, sizeof(path) - 1);
  if (size < 0) return false;
  path[size] = '\0';
  return is_counted(path);
}

enum class Call { kTakesSpace, kOther };
enum class Fault { kNone, kTear, kError };

/// Counts a call. Does not return if it is the one before which the process is killed.
Fault next_fault(Call call) {
  static const long at = std::atol(variable("OKO_FAULT_AT"));
  static const char* fault = variable("OKO_FAULT");
  const long number = ++calls;
  if (at == 0 || number < at) return Fault::kNone;
  if (std::strcmp(fault, "kill") == 0) ::kill(::getpid(), SIGKILL);
  if (std::strcmp(fault, "tear") == 0) return Fault::kTear;
  const int error = std::atoi(fault);
  if (error == 0 || (error == ENOSPC && call != Call::kTakesSpace)) return Fault::kNone;
  errno = error;
  return Fault::kError;
}

/// Of calls that have no half.
bool fails(Call call) {
  const Fault fault = next_fault(call);
  if (fault == Fault::kTear) ::kill(::getpid(), SIGKILL);
  return fault == Fault::kError;
}

template <typename Write>
ssize_t write_part(std::size_t size, const Write& write) {
  const Fault fault = next_fault(Call::kTakesSpace);
  if (fault == Fault::kError) return -1;
  if (fault == Fault::kNone) return write(size);
  write(size / 2);
  return ::kill(::getpid(), SIGKILL);
}

int open_with(const char* name, const char* path, int flags, mode_t mode) {
  const bool makes = (flags & O_CREAT) != 0 && is_counted(path) && ::access(path, F_OK) != 0;
  if (makes && fails(Call::kTakesSpace)) return -1;
  return next<int(const char*, int, ...)>(name)(path, flags, mode);
}

__attribute__((destructor)) void write_count() {
  const char* path = variable("OKO_FAULT_COUNT");
  if (*path == '\0') return;
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return;
  std::fprintf(file, "%ld\n", calls.load());
  std::fclose(file);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return open_with("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return open_with("open64", path, flags, mode);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static auto* call = next<ssize_t(int, const void*, size_t)>("write");
  if (!is_counted(file)) return call(file, bytes, size);
  return write_part(size, [&](size_t part) { return call(file, bytes, part); });
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  static auto* call = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  if (!is_counted(file)) return call(file, bytes, size, at);
  return write_part(size, [&](size_t part) { return call(file, bytes, part, at); });
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  static auto* call = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  if (!is_counted(file)) return call(file, bytes, size, at);
  return write_part(size, [&](size_t part) { return call(file, bytes, part, at); });
}

int fsync(int file) {
  static auto* call = next<int(int)>("fsync");
  return is_counted(file) && fails(Call::kOther) ? -1 : call(file);
}

int fdatasync(int file) {
  static auto* call = next<int(int)>("fdatasync");
  return is_counted(file) && fails(Call::kOther) ? -1 : call(file);
}

int ftruncate(int file, off_t size) {
  static auto* call = next<int(int, off_t)>("ftruncate");
  return is_counted(file) && fails(Call::kTakesSpace) ? -1 : call(file, size);
}

int ftruncate64(int file, off64_t size) {
  static auto* call = next<int(int, off64_t)>("ftruncate64");
  return is_counted(file) && fails(Call::kTakesSpace) ? -1 : call(file, size);
}

int rename(const char* from, const char* to) {
  static auto* call = next<int(const char*, const char*)>("rename");
  return is_counted(to) && fails(Call::kOther) ? -1 : call(from, to);
}

int link(const char* from, const char* to) {
  static auto* call = next<int(const char*, const char*)>("link");
  return is_counted(to) && fails(Call::kOther) ? -1 : call(from, to);
}

int unlink(const char* path) {
  static auto* call = next<int(const char*)>("unlink");
  return is_counted(path) && fails(Call::kOther) ? -1 : call(path);
}

int remove(const char* path) {
  static auto* call = next<int(const char*)>("remove");
  return is_counted(path) && fails(Call::kOther) ? -1 : call(path);
}

}  // extern "C"

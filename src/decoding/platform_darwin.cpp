#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>

#include "decoding/platform.h"

namespace oko::decoding {

int make_sockets(int (&ends)[2]) {
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return errno;
  for (const int end : ends) {
    const int on = 1;
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
  }
  return 0;
}

int send_flags() {
  return 0;  // SO_NOSIGPIPE
}

void inherit_only_first(posix_spawn_file_actions_t& /*actions*/, posix_spawnattr_t& attributes) {
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_CLOEXEC_DEFAULT);
}

/// A Mac has no filter of system calls for a program itself, and sandbox_init is deprecated
/// (docs/DECISIONS.md).
Confinement confine() {
  constexpr rlim_t kFiles = 64, kSeconds = 3600;
  const auto set = [](int resource, rlim_t most) {
    const rlimit limit{most, most};
    ::setrlimit(resource, &limit);
  };
  set(RLIMIT_CORE, 0);
  set(RLIMIT_FSIZE, 0);
  set(RLIMIT_NOFILE, kFiles);
  set(RLIMIT_CPU, kSeconds);
  return {};
}

ProcessBytes bytes_of(pid_t /*process*/) {
  return {};
}

void limit(pid_t /*process*/, const ProcessBytes& /*bytes*/, std::uint64_t /*more_bytes*/,
           unsigned /*more_seconds*/) {}

}  // namespace oko::decoding

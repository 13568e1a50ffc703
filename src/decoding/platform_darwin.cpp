#include <fcntl.h>
#include <libproc.h>
#include <mach/mach_time.h>
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

namespace {

/// Zeros if the process has ended.
rusage_info_v0 use_of(pid_t process) {
  rusage_info_v0 use{};
  const int result =
      ::proc_pid_rusage(process, RUSAGE_INFO_V0, reinterpret_cast<rusage_info_t*>(&use));
  return result == 0 ? use : rusage_info_v0{};
}

}  // namespace

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
  set(RLIMIT_NPROC, 0);  // the user has processes already, so it starts none
  set(RLIMIT_CPU, kSeconds);
  return {};
}

ProcessBytes bytes_of(pid_t process) {
  ProcessBytes bytes;
  bytes.footprint = use_of(process).ri_phys_footprint;
  return bytes;
}

/// The system tells it in units of mach_absolute_time.
double processor_seconds_of(pid_t process) {
  mach_timebase_info_data_t nanoseconds{};
  if (::mach_timebase_info(&nanoseconds) != KERN_SUCCESS) return 0;
  const rusage_info_v0 use = use_of(process);
  return 1e-9 * static_cast<double>(use.ri_user_time + use.ri_system_time) * nanoseconds.numer /
         nanoseconds.denom;
}

void limit(pid_t /*process*/, const ProcessBytes& /*bytes*/, std::uint64_t /*more_bytes*/,
           unsigned /*more_seconds*/) {}

}  // namespace oko::decoding

#pragma once

#include <spawn.h>
#include <sys/types.h>

#include <cstdint>

namespace oko::decoding {

/// Two connected sockets that no other program inherits. Returns an errno; 0: done.
int make_sockets(int (&ends)[2]);

/// Flags of `send`, so that a socket without a reader raises no signal.
int send_flags();

/// The started program inherits no descriptor but 0 to 3, and gets a process group of its own, so
/// that Ctrl-C in a terminal does not end it.
void inherit_only_first(posix_spawn_file_actions_t& actions, posix_spawnattr_t& attributes);

/// What the system refuses a helper from now on.
struct Confinement {
  bool calls = false;  ///< other system calls than those of a decoder: sockets, programs, signals
  bool files = false;  ///< files, except those of fonts and libraries, which it may read
};

/// Confines this process, which has one thread, for good. What the system cannot refuse stays.
Confinement confine();

/// Memory of a process.
struct ProcessBytes {
  std::uint64_t address_space = 0;  ///< bytes; 0: the system does not tell
  std::uint64_t data = 0;           ///< bytes of private memory that it may write to
  /// Bytes that it costs the machine, and would not if it ended: without those of mapped files.
  std::uint64_t footprint = 0;
};
/// Zeros for a process that has ended.
ProcessBytes bytes_of(pid_t process);

/// Time that the process has had of the processor; 0 if it has ended.
double processor_seconds_of(pid_t process);

/// From now on the process may take so much more memory and time of the processor. Does nothing
/// where the system has no such limits for other processes.
void limit(pid_t process, const ProcessBytes& bytes, std::uint64_t more_bytes,
           unsigned more_seconds);

}  // namespace oko::decoding

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "decoding/platform.h"

namespace oko::decoding {

int make_sockets(int (&ends)[2]) {
  return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
}

int send_flags() {
  return MSG_NOSIGNAL;
}

void inherit_only_first(posix_spawn_file_actions_t& actions, posix_spawnattr_t& attributes) {
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

namespace {

#ifdef __x86_64__
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#endif

/// Calls that a decoder needs, with any arguments.
constexpr unsigned kFreeCalls[] = {
    __NR_read,
    __NR_write,
    __NR_readv,
    __NR_writev,
    __NR_pread64,
    __NR_close,
    __NR_fstat,
    __NR_newfstatat,
    __NR_lseek,
    __NR_getdents64,
    // Memory.
    __NR_mmap,
    __NR_munmap,
    __NR_mremap,
    __NR_mprotect,
    __NR_madvise,
    __NR_brk,
    __NR_membarrier,
    // Threads and time.
    __NR_futex,
    __NR_sched_yield,
    __NR_sched_getaffinity,
    __NR_set_robust_list,
    __NR_rseq,
    __NR_gettid,
    __NR_getpid,
    __NR_clock_gettime,
    __NR_clock_getres,
    __NR_clock_nanosleep,
    __NR_nanosleep,
    __NR_gettimeofday,
    __NR_restart_syscall,
    // Signals of its own, and its end.
    __NR_rt_sigaction,
    __NR_rt_sigprocmask,
    __NR_rt_sigreturn,
    __NR_sigaltstack,
    __NR_exit,
    __NR_exit_group,
    // The socket.
    __NR_ppoll,
    __NR_sendmsg,
    __NR_recvmsg,
    __NR_sendto,
    __NR_recvfrom,
    // What libraries ask.
    __NR_getrandom,
    __NR_uname,
    __NR_sysinfo,
    __NR_getuid,
    __NR_geteuid,
    __NR_getgid,
    __NR_getegid,
#ifdef __x86_64__
    __NR_poll,
    __NR_stat,
    __NR_lstat,
    __NR_time,
#endif
};

/// A filter of system calls: a program of BPF.
class CallFilter {
 public:
  CallFilter() {
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    jump(BPF_JEQ, kArchitecture, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    load_number();
#ifdef __x86_64__
    constexpr unsigned kOtherNumbers = 0x40000000;  // x32
    jump(BPF_JGE, kOtherNumbers, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#endif
  }

  void allow(unsigned call) {
    jump(BPF_JEQ, call, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }

  void refuse(unsigned call, unsigned error) {
    jump(BPF_JEQ, call, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }

  /// Allows a call if argument `index`, of which the low half counts, has `value` in the bits of
  /// `mask`; else it fails with `error`.
  void allow_if(unsigned call, unsigned index, unsigned mask, unsigned value,
                unsigned error = EPERM) {
    jump(BPF_JEQ, call, 0, 5);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + index * 8);  // little-endian
    add(BPF_ALU | BPF_AND | BPF_K, mask);
    jump(BPF_JEQ, value, 0, 1);
    add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }

  /// The same for any of `values`.
  void allow_if_any(unsigned call, unsigned index, const std::vector<unsigned>& values) {
    const auto count = static_cast<std::uint8_t>(values.size());
    jump(BPF_JEQ, call, 0, static_cast<std::uint8_t>(count * 2 + 2));
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + index * 8);
    for (const unsigned value : values) {
      jump(BPF_JEQ, value, 0, 1);
      add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }

  /// All other calls fail from now on. Returns false if the system has no filters.
  bool install() {
    add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    const sock_fprog program{static_cast<unsigned short>(program_.size()), program_.data()};
    return ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) ==
           0;
  }

 private:
  void load_number() {
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  }
  void add(unsigned code, std::size_t k) {
    program_.push_back({static_cast<std::uint16_t>(code), 0, 0, static_cast<std::uint32_t>(k)});
  }
  void jump(unsigned test, unsigned k, std::uint8_t yes, std::uint8_t no) {
    program_.push_back({static_cast<std::uint16_t>(BPF_JMP | test | BPF_K), yes, no, k});
  }

  std::vector<sock_filter> program_;
};

bool filter_calls(bool may_read_files) {
  CallFilter filter;
  for (const unsigned call : kFreeCalls) filter.allow(call);
  // A thread, never a process. Without clone3, whose flags a filter cannot see, libraries use this.
  filter.refuse(__NR_clone3, ENOSYS);
  filter.allow_if(__NR_clone, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
  filter.allow_if(__NR_tgkill, 0, ~0U, static_cast<unsigned>(::getpid()));
  filter.allow_if_any(__NR_prctl, 0, {PR_SET_NAME, PR_SET_VMA});
  filter.allow_if_any(__NR_fcntl, 1, {F_GETFD, F_SETFD, F_GETFL});
  filter.allow_if(__NR_prlimit64, 2, ~0U, 0);  // reads limits
  // Only reading: no other bit may be set.
  constexpr unsigned kReading = O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK |
                                O_NOCTTY | O_NOATIME | __O_LARGEFILE;
  if (may_read_files) {
    filter.allow_if(__NR_openat, 2, ~kReading, 0, EACCES);
  } else {
    filter.refuse(__NR_openat, EACCES);
  }
  return filter.install();
}

/// Allows to read what is below the folders of fonts and libraries, and no other file: PDFium opens
/// fonts, and libheif its parts, when they are needed.
bool restrict_files() {
  constexpr const char* kFolders[] = {
      "/usr/lib", "/usr/lib64",       "/usr/local/lib",       "/lib",
      "/lib64",   "/usr/share/fonts", "/usr/share/X11/fonts", "/usr/local/share/fonts"};
  constexpr int kVersions = 6;
  // Rights of files that each version knows: the lowest bits.
  constexpr unsigned kRights[kVersions + 1] = {0, 13, 14, 15, 15, 16, 16};
  const long version =
      ::syscall(__NR_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  landlock_ruleset_attr handled{};
  handled.handled_access_fs =
      (std::uint64_t{1} << kRights[version > kVersions ? kVersions : version]) - 1;
  const auto rules = static_cast<int>(
      ::syscall(__NR_landlock_create_ruleset, &handled, sizeof(handled.handled_access_fs), 0));
  if (rules < 0) return false;
  for (const char* folder : kFolders) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    rule.parent_fd = ::open(folder, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) continue;
    ::syscall(__NR_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    ::close(rule.parent_fd);
  }
  const bool done = ::syscall(__NR_landlock_restrict_self, rules, 0) == 0;
  ::close(rules);
  return done;
}

/// Landlock restricts the calling thread and those that it starts.
bool has_one_thread() {
  std::error_code error;
  std::filesystem::directory_iterator threads("/proc/self/task", error), end;
  if (error) return false;
  return std::distance(threads, end) == 1;
}

void set_limit(__rlimit_resource resource, rlim_t most) {
  const rlimit limit{most, most};
  ::setrlimit(resource, &limit);
}

}  // namespace

Confinement confine() {
  constexpr rlim_t kFiles = 64, kSeconds = 3600;
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_FSIZE, 0);
  set_limit(RLIMIT_NOFILE, kFiles);
  set_limit(RLIMIT_CPU, kSeconds);
  Confinement confinement;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return confinement;
  const bool restricted = has_one_thread() && restrict_files();
  confinement.calls = filter_calls(restricted);
  confinement.files = restricted || confinement.calls;  // the filter refuses to open any
  return confinement;
}

/// Reads lines, not words: the first line has the name that the process gives itself.
ProcessBytes bytes_of(pid_t process) {
  ProcessBytes bytes;
  std::ifstream status(fmt::format("/proc/{}/status", process));
  std::string line;
  const auto add = [&](std::string_view name, std::uint64_t& to) {
    constexpr std::uint64_t kKilobyte = 1024;
    if (!line.starts_with(name)) return;
    to += kKilobyte * std::strtoull(line.c_str() + name.size(), nullptr, 10);
  };
  while (std::getline(status, line)) {
    add("VmSize:", bytes.address_space);
    add("VmData:", bytes.data);
    for (const char* name : {"RssAnon:", "RssShmem:", "VmSwap:"}) add(name, bytes.footprint);
  }
  return bytes;
}

double processor_seconds_of(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

void limit(pid_t process, const ProcessBytes& bytes, std::uint64_t more_bytes,
           unsigned more_seconds) {
  const auto set = [process](__rlimit_resource resource, std::uint64_t most) {
    rlimit now{};
    if (::prlimit(process, resource, nullptr, &now) != 0) return;
    now.rlim_cur = most < now.rlim_max ? most : now.rlim_max;
    ::prlimit(process, resource, &now, nullptr);
  };
  if (bytes.data != 0) {
    constexpr std::uint64_t kReserved = 1'000'000'000;  // by allocators and threads, not used
    set(RLIMIT_DATA, bytes.data + more_bytes);
    set(RLIMIT_AS, bytes.address_space + more_bytes + kReserved);
  }
  set(RLIMIT_CPU, static_cast<std::uint64_t>(processor_seconds_of(process)) + more_seconds + 1);
}

}  // namespace oko::decoding

#include "decoding/helper_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/environment.h"
#include "base/error.h"
#include "base/system_reason.h"
#include "decoding/message.h"

namespace oko::decoding {
namespace {

constexpr std::uint64_t kLargestAnswer = 256'000'000;  // bytes; the text of a page of a PDF

/// What a helper gets of the environment, which may have keys and tokens: how to find libraries,
/// and the locale, whose encoding GMime takes for names of files that declare none.
std::vector<std::string> environment_of_helper() {
  constexpr const char* kNames[] = {
      "LD_LIBRARY_PATH", "LD_PRELOAD",   "DYLD_LIBRARY_PATH",          "ASAN_OPTIONS",
      "UBSAN_OPTIONS",   "TSAN_OPTIONS", "DYLD_FALLBACK_LIBRARY_PATH", "LC_ALL",
      "LC_CTYPE",        "LANG"};
  std::vector<std::string> variables;
  for (const char* name : kNames) {
    if (const auto value = environment(name)) variables.push_back(std::string(name) + "=" + *value);
  }
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Actions and attributes of posix_spawn.
class Start {
 public:
  explicit Start(int socket) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    for (const int standard : {STDIN_FILENO, 1, 2}) {
      ::posix_spawn_file_actions_addopen(&actions_, standard, "/dev/null", O_RDWR, 0);
    }
    ::posix_spawn_file_actions_adddup2(&actions_, socket, kHelperSocket);
    sigset_t none{}, all{};
    sigemptyset(&none);  // a macro on a Mac
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    inherit_only_first(actions_, attributes_);
  }
  ~Start() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Start(const Start&) = delete;
  Start& operator=(const Start&) = delete;

  /// Returns an errno; 0: started.
  int run(const HelperOptions& options, pid_t& id) const {
    std::vector<std::string> arguments{options.program.string()};
    arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
    std::vector<std::string> variables = environment_of_helper();
    return ::posix_spawn(&id, options.program.c_str(), &actions_, &attributes_,
                         pointers_to(arguments).data(), pointers_to(variables).data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

Error start_error(int error) {
  return {ErrorCode::kFailed,
          tr("the process that decodes pictures does not start: {}",
             "процесс, который декодирует картинки, не запускается: {}", system_reason(error))};
}

}  // namespace

HelperProcess::HelperProcess(const HelperOptions& options) : options_(options) {
  int ends[2] = {-1, -1};
  if (const int error = make_sockets(ends); error != 0) throw start_error(error);
  channel_ = std::make_unique<Channel>(ends[0]);
  const int error = Start(ends[1]).run(options, id_);
  ::close(ends[1]);
  if (error != 0) throw start_error(error);
  watch_.emplace(id_, [this] { kill(); });
}

HelperProcess::~HelperProcess() {
  kill();
  wait_for_end();
}

void HelperProcess::kill() {
  const MutexLock lock(mutex_);
  if (!has_ended_) ::kill(id_, SIGKILL);
}

bool HelperProcess::is_running() const {
  siginfo_t ended{};
  return ::waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         ended.si_pid == 0;
}

/// The process keeps its id until it was waited for without WNOWAIT.
void HelperProcess::wait_for_end() {
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  watch_->stop();
  const MutexLock lock(mutex_);
  if (has_ended_) return;
  has_ended_ = true;
  while (::waitpid(id_, &status_, 0) < 0 && errno == EINTR) {
  }
}

LocalizedText HelperProcess::reason_of_end() {
  wait_for_end();
  const ProcessWatch::Excess excess = watch_->excess();
  if (excess == ProcessWatch::Excess::kMemory) {
    return tr("it takes more memory than oko reserves for it",
              "на это нужно больше памяти, чем oko выделяет");
  }
  const MutexLock lock(mutex_);
  if (!WIFSIGNALED(status_)) return tr("its decoder ended", "декодер завершился");
  const int signal = WTERMSIG(status_);
  if (signal == SIGXCPU || excess == ProcessWatch::Excess::kTime) {
    return tr("it takes more than {:second|seconds} of the processor",
              "на это нужно больше {:секунды|секунд|секунд} процессора",
              Count(options_.cpu_seconds));
  }
  return tr("its decoder crashed (signal {})", "декодер аварийно завершился (сигнал {})", signal);
}

void HelperProcess::require(Channel::Result result) {
  if (result == Channel::Result::kDone) return;
  kill();
  if (result == Channel::Result::kLate) {
    throw HelperEnded{tr("it takes more than {:second|seconds}",
                         "на это нужно больше {:секунды|секунд|секунд}",
                         Count(options_.patience.count()))};
  }
  throw HelperEnded{reason_of_end()};
}

void HelperProcess::wait_until_ready() {
  if (confinement_) return;
  std::string message;
  int descriptor = -1;
  require(channel_->receive(message, kLargestAnswer, descriptor, deadline()));
  MessageReader reader(message);
  Confinement confinement;
  confinement.calls = reader.flag();
  confinement.files = reader.flag();
  confinement_ = confinement;
  idle_bytes_ = bytes_of(id_);
}

Confinement HelperProcess::confinement() {
  wait_until_ready();
  return *confinement_;
}

void HelperProcess::limit_call(std::uint64_t more_bytes) {
  if (!helpers_have_limits()) return;
  limit(id_, idle_bytes_, more_bytes, options_.cpu_seconds);
  ProcessLimits limits;
  limits.processor_seconds = processor_seconds_of(id_) + options_.cpu_seconds;
  if (idle_bytes_.footprint != 0) limits.footprint = idle_bytes_.footprint + more_bytes;
  watch_->set(limits);
}

std::string HelperProcess::ask(std::string_view call, std::uint64_t more_bytes, int descriptor) {
  wait_until_ready();
  limit_call(more_bytes);
  const Channel::Clock::time_point until = deadline();
  require(channel_->send(call, until, descriptor));
  std::string answer;
  int unwanted = -1;
  const Channel::Result result = channel_->receive(answer, kLargestAnswer, unwanted, until);
  if (unwanted >= 0) ::close(unwanted);
  require(result);
  return answer;
}

void HelperProcess::receive(std::span<std::uint8_t> pixels) {
  require(channel_->receive_bytes(pixels, deadline()));
}

}  // namespace oko::decoding

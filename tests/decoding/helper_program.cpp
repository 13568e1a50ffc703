// A helper, and programs that misbehave in its place: the first argument says how.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "decoding/channel.h"
#include "decoding/helper.h"
#include "decoding/page_messages.h"
#include "decoding/platform.h"

#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace oko::decoding {
namespace {

/// The result of a call of the system: "open: Permission denied".
std::string outcome(const char* name, long result) {
  return std::string(name) + ": " + (result < 0 ? std::strerror(errno) : "done") + "\n";
}

/// What a decoder that somebody has taken over would try.
std::string escapes() {
  std::string tried;
  tried += outcome("open", ::open("/etc/passwd", O_RDONLY));
  tried += outcome("create", ::open("/tmp/oko_escape", O_CREAT | O_WRONLY, 0600));
  tried += outcome("socket", ::socket(AF_INET, SOCK_STREAM, 0));
  tried += outcome("fork", ::fork());
  tried += outcome("exec", ::execl("/bin/true", "true", nullptr));
  tried += outcome("kill", ::kill(::getppid(), 0));
  tried += outcome("truncate", ::truncate("/tmp/oko_escape", 0));
  // Fonts may be read, where the system can tell them from other files.
  const int fonts = ::open("/usr/share/fonts", O_RDONLY | O_DIRECTORY);
  if (fonts >= 0 || errno == ENOENT) tried += "fonts\n";
  return tried;
}

image::Image picture_of(int side) {
  image::Image image;
  image.width = image.height = side;
  return image;
}

/// Answers each call as a helper that lies about sizes.
int lie(const Channel& channel, const std::string& about) {
  std::string call;
  int descriptor = -1;
  while (channel.receive(call, UINT64_MAX, descriptor) == Channel::Result::kDone) {
    MessageReader from(call);
    MessageWriter answer;
    answer.number(true);
    switch (from.kind(Call::kReadText)) {
      case Call::kOpen:
        break;
      case Call::kReadHeader: {
        image::Header header;
        header.width = header.height = about == "header" ? 100'000 : 10;
        if (about == "bytes") header.decode_bytes = UINT64_MAX;
        write(answer, header);
        break;
      }
      case Call::kLoad:
        write(answer, picture_of(about == "picture" ? 1000 : 10));
        if (about == "more") write(answer, picture_of(10));
        break;
      case Call::kPageSize:
        write(answer, document::PageSize{100, 100, 10, 10, 72});
        break;
      case Call::kReadPage: {
        document::PdfPage page;
        page.plausible = true;  // without a text
        write(answer, page);
        break;
      }
      case Call::kReadText: {
        document::TextDocument text;
        text.blocks.push_back({.text = about == "control" ? "a\x1B[2J" : ""});
        write(answer, text);
        break;
      }
      case Call::kPageCount:
        answer.number(about == "pages" ? -1 : 1);
        break;
    }
    channel.send(answer.bytes());
    if (about == "message") channel.send(std::string(1000, '\xFF'));
  }
  return 0;
}

[[noreturn]] void take_all_memory() {
  constexpr std::size_t kBlock = 64'000'000;
  for (std::size_t taken = 0; taken < 100 * kBlock; taken += kBlock) {
    void* block =
        ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) std::abort();
  }
  ::_exit(0);
}

/// Says what a helper says first.
void be_ready(const Channel& channel, const Confinement& confinement) {
  MessageWriter ready;
  ready.number(confinement.calls);
  ready.number(confinement.files);
  channel.send(ready.bytes());
}

/// Answers as a helper that has opened a file.
void take_file(const Channel& channel) {
  std::string call;
  int descriptor = -1;
  if (channel.receive(call, UINT64_MAX, descriptor) != Channel::Result::kDone) ::_exit(0);
  MessageWriter answer;
  answer.number(true);
  channel.send(answer.bytes());
}

/// Adds a line to a file. Returns how many it had.
std::uintmax_t count_in(const std::string& file) {
  std::ofstream lines(file, std::ios::app);
  const std::uintmax_t before = std::filesystem::file_size(file);
  lines << '\n';
  return before;
}

/// Ends as if somebody killed it, before it has a file. `file`: gets a line if it was asked.
[[noreturn]] void be_killed(const std::string& when, const std::string& file) {
  const Channel channel(kHelperSocket);
  constexpr useconds_t kLater = 300'000;  // microseconds; the test waits for it by then
  if (when == "start") ::usleep(kLater);
  if (when != "start") be_ready(channel, {});
  pollfd socket{kHelperSocket, POLLIN, 0};
  if (when == "ready") ::poll(&socket, 1, -1);
  std::string call;
  int descriptor = -1;
  if (when == "open" && channel.receive(call, UINT64_MAX, descriptor) == Channel::Result::kDone &&
      !file.empty()) {
    count_in(file);
  }
  ::raise(SIGKILL);
  ::_exit(0);
}

/// Memory that the limits of private memory do not count.
[[noreturn]] void take_shared_memory() {
  constexpr std::size_t kBlock = 64'000'000, kBlocks = 12;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    void* block =
        ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) std::abort();
    std::memset(block, 1, kBlock);
  }
  while (true) ::pause();
}

/// Makes a system call by the numbers of another architecture, for which there is no mercy.
void violate_filter() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long kNumbersOfX32 = 0x40000000;
  ::syscall(kNumbersOfX32 | SYS_getpid);
#else
  std::abort();
#endif
}

int misbehave(const std::string& how, const std::string& what, const std::string& file) {
  Confinement confinement;
  if (how == "killed") be_killed(what, file);
  if (how == "escape" || how == "violate") confinement = confine();
  const Channel channel(kHelperSocket);
  be_ready(channel, confinement);
  if (how == "lie") return lie(channel, what);
  std::string call;
  int descriptor = -1;
  if (how == "silent") {
    channel.receive(call, UINT64_MAX, descriptor);
    count_in(what);
    while (true) ::pause();
  }
  take_file(channel);
  if (channel.receive(call, UINT64_MAX, descriptor) != Channel::Result::kDone) return 0;
  if (how == "crash") std::abort();
  if (how == "violate") violate_filter();
  if (how == "memory") take_all_memory();
  if (how == "shared") take_shared_memory();
  if (how == "escape") {
    MessageWriter answer;
    answer.number(false);
    write(answer, Error(ErrorCode::kBadInput, escapes()));
    channel.send(answer.bytes());
    return 0;
  }
  volatile std::uint64_t turns = 0;  // "spin"
  while (true) turns = turns + 1;
}

/// "once FILE HOW": how the first process misbehaves; the file gets a line for each.
int run(std::vector<std::string> arguments) {
  arguments.resize(5);
  if (arguments[0] == "once") {
    if (count_in(arguments[1]) > 0) return run_helper();
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments[0] == kHelperArgument) return run_helper();
  return misbehave(arguments[0], arguments[1], arguments[2]);
}

}  // namespace
}  // namespace oko::decoding

int main(int argc, char** argv) {
  try {
    return oko::decoding::run({argv + 1, argv + argc});
  } catch (const std::exception&) {
    return 1;
  }
}

// A helper, and programs that misbehave in its place: the first argument says how.
#include <fcntl.h>
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
    switch (from.kind(Call::kReadPage)) {
      case Call::kOpen:
        break;
      case Call::kReadHeader: {
        image::Header header;
        header.width = header.height = about == "header" ? 100'000 : 10;
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

int misbehave(const std::string& how, const std::string& what) {
  Confinement confinement;
  if (how == "escape") confinement = confine();
  const Channel channel(kHelperSocket);
  MessageWriter ready;
  ready.number(confinement.calls);
  ready.number(confinement.files);
  channel.send(ready.bytes());
  if (how == "lie") return lie(channel, what);
  std::string call;
  int descriptor = -1;
  if (channel.receive(call, UINT64_MAX, descriptor) != Channel::Result::kDone) return 0;
  if (how == "crash") std::abort();
  if (how == "memory") take_all_memory();
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

int run(const std::string& how, const std::string& what) {
  if (how == kHelperArgument) return run_helper();
  if (how != "crash-once") return misbehave(how, what);
  // `what` is the file of the last crash.
  if (std::filesystem::exists(what)) return run_helper();
  std::ofstream(what) << "crashed";
  return misbehave("crash", "");
}

}  // namespace
}  // namespace oko::decoding

int main(int argc, char** argv) {
  try {
    return oko::decoding::run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
  } catch (const std::exception&) {
    return 1;
  }
}

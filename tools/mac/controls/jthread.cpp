// Must not compile: libc++ has std::jthread from LLVM 20 on, Xcode from 26 on.
#include <thread>

void run() {
  std::jthread thread([] {});
}

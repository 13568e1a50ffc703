#include "base/vanished_pages.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "base/localized_text.h"

namespace oko {
namespace {

constexpr std::size_t kMessageBytes = 1024;

/// A watched mapping. Its owner writes it and the signal handler reads it; the message is formatted
/// beforehand, because a handler may not.
struct Slot {
  std::atomic<std::uintptr_t> begin{0};  ///< 0: free
  std::atomic<std::uintptr_t> end{0};
  std::atomic<int> file{-1};
  std::atomic<int> status{0};  ///< exit status
  std::array<char, kMessageBytes> message{};
  std::size_t length = 0;
};

std::array<Slot, 64> slots;
std::mutex slots_mutex;  // held to take or release a slot
struct sigaction previous;

/// True if the file still has the byte at `offset`. pread is safe in a signal handler.
bool is_readable(int file, std::uintptr_t offset) {
  char byte = 0;
  return ::pread(file, &byte, 1, static_cast<off_t>(offset)) == 1;
}

void on_bus_error(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end.load(std::memory_order_acquire)) {
      continue;
    }
    // macOS sends the signal for a write to a read-only page, too.
    if (is_readable(slot.file.load(std::memory_order_acquire), address - begin)) break;
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, slot.message.data(), slot.length);
    ::_exit(slot.status.load(std::memory_order_acquire));
  }
  // Another cause: call the previous handler.
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else {
    ::signal(number, SIG_DFL);
    ::raise(number);  // ends the program as soon as this handler returns
  }
}

std::atomic<Language> message_language{Language::kEnglish};

}  // namespace

void handle_vanished_pages(Language language) {
  message_language.store(language);
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGBUS, &action, &previous);
}

VanishedPages::VanishedPages(const void* data, std::size_t size, int descriptor,
                             const std::string& file, ErrorCode bad) {
  const LocalizedText text = tr(
      "oko: {}: was cut or changed while it was in use\nhint: get the file again and restart oko\n",
      "oko: {}: файл обрезан или изменён во время работы\nподсказка: получите файл заново и "
      "запустите снова\n",
      file);
  const std::string& message = text.kept(message_language.load());
  const std::lock_guard lock(slots_mutex);
  const auto free = std::find_if(slots.begin(), slots.end(),
                                 [](const Slot& slot) { return slot.begin.load() == 0; });
  if (free == slots.end()) return;
  // If descriptors are used up, every bus error of the mapping counts as the file's.
  free->file.store(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0), std::memory_order_release);
  slot_ = static_cast<int>(free - slots.begin());
  free->status.store(exit_status(bad), std::memory_order_release);
  free->length = std::min(message.size(), kMessageBytes);
  std::memcpy(free->message.data(), message.data(), free->length);
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  free->end.store(begin + size, std::memory_order_release);
  free->begin.store(begin, std::memory_order_release);
}

VanishedPages::~VanishedPages() {
  if (slot_ < 0) return;
  Slot& slot = slots[static_cast<std::size_t>(slot_)];
  const std::lock_guard lock(slots_mutex);
  slot.begin.store(0, std::memory_order_release);
  if (const int file = slot.file.exchange(-1); file >= 0) ::close(file);
}

}  // namespace oko

#include "base/vanished_pages.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

#include "base/localized_text.h"
#include "base/slot_list.h"
#include "base/temporary_file.h"

namespace oko {

/// A watched mapping. Its owner writes it. The signal handler reads more than its range only for an
/// address in it, which shows that it has an owner; the message is formatted beforehand, because a
/// handler may not.
struct VanishedMapping {
  std::atomic<std::uintptr_t> begin{0};  ///< 0: free
  std::atomic<std::uintptr_t> end{0};
  std::string path;
  std::string message;
  dev_t device = 0;
  ino_t inode = 0;
  int status = 0;  ///< exit status
};

namespace {

SlotList<VanishedMapping>& mappings = *new SlotList<VanishedMapping>;  // never destroyed
struct sigaction previous;

/// True if the file still has the byte at `offset`. A file that cannot be opened under its path any
/// more counts as cut. A signal handler may call it.
bool is_readable(const VanishedMapping& mapping, std::uintptr_t offset) {
  const int file = ::open(mapping.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  struct stat info {};
  char byte = 0;
  const bool is_same =
      ::fstat(file, &info) == 0 && info.st_dev == mapping.device && info.st_ino == mapping.inode;
  const bool is_there = is_same && ::pread(file, &byte, 1, static_cast<off_t>(offset)) == 1;
  ::close(file);
  return is_there;
}

/// Ends the process if the file of the mapping was cut.
void end_if_cut(const VanishedMapping& mapping, std::uintptr_t address) {
  const std::uintptr_t begin = mapping.begin.load(std::memory_order_acquire);
  if (begin == 0 || address < begin || address >= mapping.end.load(std::memory_order_acquire)) {
    return;
  }
  // macOS sends the signal for a write to a read-only page, too.
  if (is_readable(mapping, address - begin)) return;
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, mapping.message.data(), mapping.message.size());
  unlink_temporary_files();
  ::_exit(mapping.status);
}

void on_bus_error(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  mappings.visit_all([&](const VanishedMapping& mapping) { end_if_cut(mapping, address); });
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
                             const std::filesystem::path& file, ErrorCode bad) {
  std::string path = file.string();
  std::string message = tr("oko: {}: was cut or changed while it was in use\n"
                           "hint: get the file again and restart oko\n",
                           "oko: {}: файл обрезан или изменён во время работы\n"
                           "подсказка: получите файл заново и запустите снова\n",
                           path)
                            .kept(message_language.load());
  struct stat info {};
  ::fstat(descriptor, &info);
  mapping_ = &mappings.take();
  mapping_->path = std::move(path);
  mapping_->message = std::move(message);
  mapping_->device = info.st_dev;
  mapping_->inode = info.st_ino;
  mapping_->status = exit_status(bad);
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  mapping_->end.store(begin + size, std::memory_order_release);
  mapping_->begin.store(begin, std::memory_order_release);
}

VanishedPages::~VanishedPages() {
  mapping_->begin.store(0, std::memory_order_release);
  mappings.give_back(*mapping_);
}

}  // namespace oko

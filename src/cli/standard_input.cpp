#include "cli/standard_input.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::cli {

void wait_for_input(int file, const StopToken& stop) {
  constexpr int kPollMilliseconds = 200;  // between checks for a stop
  pollfd waiting{file, POLLIN, 0};
  int ready = 0;
  do {
    throw_if_stopped(stop);
    ready = ::poll(&waiting, 1, kPollMilliseconds);
  } while (ready == 0 || (ready < 0 && errno == EINTR));
}

std::unique_ptr<TemporaryFile> keep_standard_input(const StopToken& stop) {
  const std::filesystem::path folder = temporary_folder();
  auto file = std::make_unique<TemporaryFile>(
      folder / "oko-input-",
      tr("standard input, kept in {}", "стандартный ввод, который хранится в {}", folder.string()));
  std::array<std::byte, 64 << 10> buffer{};
  for (std::uint64_t total = 0;;) {
    wait_for_input(STDIN_FILENO, stop);
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) {
      const LocalizedText reason = system_reason(errno);
      throw Error(ErrorCode::kFailed, tr("standard input cannot be read: {}",
                                         "не читается стандартный ввод: {}", reason));
    }
    if (count == 0) return file;
    total += static_cast<std::uint64_t>(count);
    if (total > kMaxStandardInput) {
      throw Error(ErrorCode::kTooLarge,
                  tr("-: standard input is longer than {}", "-: стандартный ввод длиннее {}",
                     format_bytes(kMaxStandardInput)),
                  tr("name a file instead", "укажите файл"));
    }
    file->append(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

}  // namespace oko::cli

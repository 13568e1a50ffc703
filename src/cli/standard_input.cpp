#include "cli/standard_input.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <span>

#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"
#include "cli/user_language.h"

namespace oko::cli {
namespace {

constexpr int kPollMilliseconds = 200;  // between checks for a stop
constexpr const char* kName = "-";

}  // namespace

void wait_for_input(int file, const StopToken& stop) {
  pollfd waiting{file, POLLIN, 0};
  int ready = 0;
  do {
    throw_if_stopped(stop);
    ready = ::poll(&waiting, 1, kPollMilliseconds);
  } while (ready == 0 || (ready < 0 && errno == EINTR));
}

StandardInput::StandardInput(const std::vector<std::string>& files, const StopToken& stop)
    : paths_(files) {
  if (std::find(files.begin(), files.end(), kName) == files.end()) return;
  read(stop);
  std::replace(paths_.begin(), paths_.end(), std::string(kName), file_->path().string());
}

void StandardInput::read(const StopToken& stop) {
  const std::filesystem::path folder = temporary_folder();
  file_ = std::make_unique<TemporaryFile>(
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
    if (count == 0) return;
    total += static_cast<std::uint64_t>(count);
    if (total > kMaxBytes) {
      throw Error(ErrorCode::kTooLarge,
                  tr("-: standard input is longer than {}", "-: стандартный ввод длиннее {}",
                     format_bytes(kMaxBytes)),
                  tr("name a file instead", "укажите файл"));
    }
    file_->append(std::span(buffer).first(static_cast<std::size_t>(count)));
  }
}

std::string StandardInput::name_of(const std::string& path) const {
  return file_ != nullptr && path == file_->path() ? kName : path;
}

LocalizedText StandardInput::named(const LocalizedText& text) const {
  return file_ == nullptr ? text : text.with(file_->path().string(), kName);
}

Error StandardInput::named(const Error& error) const {
  return {error.code(), named(error.message()), named(error.hint())};
}

}  // namespace oko::cli

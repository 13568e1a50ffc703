#include "cli/line_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/system_reason.h"
#include "cli/standard_input.h"

namespace oko::cli {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;

}  // namespace

LineLimit limit_of_texts() {
  return {32'000'000, tr("put one text on each line", "пишите по одному тексту в строке")};
}

LineLimit limit_of_questions() {
  return {4'000'000, tr("ask a shorter question", "задайте вопрос короче")};
}

std::optional<std::vector<std::string>> LineReader::next() {
  while (fill()) {
    std::vector<std::string> lines = take_lines(/*finished=*/false);
    if (!lines.empty()) return lines;
    if (buffer_.size() > limit_.bytes) {
      throw Error(ErrorCode::kTooLarge,
                  tr("line {} is longer than {}", "строка {} длиннее {}", line_ + 1,
                     format_bytes(limit_.bytes)),
                  limit_.hint);
    }
  }
  if (buffer_.empty()) return std::nullopt;
  return take_lines(/*finished=*/true);
}

/// Waits for bytes and reads the available ones; returns false at the end of the file.
bool LineReader::fill() {
  wait_for_input(file_, stop_);
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  ssize_t count = 0;
  do {
    count = ::read(file_, buffer_.data() + before, kReadBytes);
  } while (count < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count >= 0) return count > 0;
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("standard input cannot be read: {}", "не читается стандартный ввод: {}", reason));
}

std::vector<std::string> LineReader::take_lines(bool finished) {
  std::vector<std::string> lines;
  const auto add = [&](std::size_t first, std::size_t end) {
    if (end > first && buffer_[end - 1] == '\r') --end;
    lines.push_back(buffer_.substr(first, end - first));
  };
  std::size_t taken = 0;
  for (std::size_t end = buffer_.find('\n', searched_); end != std::string::npos;
       end = buffer_.find('\n', taken)) {
    add(taken, end);
    taken = end + 1;
  }
  if (finished) {
    add(taken, buffer_.size());
    taken = buffer_.size();
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (line_ == 0 && !lines.empty() && lines.front().starts_with(kByteOrderMark)) {
    lines.front().erase(0, kByteOrderMark.size());
  }
  buffer_.erase(0, taken);
  searched_ = buffer_.size();
  line_ += lines.size();
  return lines;
}

}  // namespace oko::cli

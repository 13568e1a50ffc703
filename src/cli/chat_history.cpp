#include "cli/chat_history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/input_file.h"
#include "base/temporary_file.h"

namespace oko::cli {
namespace {

constexpr std::uint64_t kMaxFileBytes = 16'000'000;
constexpr mode_t kOnlyOwner = S_IRUSR | S_IWUSR;

/// A file that is open for appending, readable for its owner only; -1 if that fails.
class Appending {
 public:
  explicit Appending(const std::filesystem::path& file)
      : file_(::open(file.c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                     kOnlyOwner)) {
    struct stat info {};
    const bool is_usable = file_ >= 0 && ::fstat(file_, &info) == 0 && S_ISREG(info.st_mode) &&
                           ::fchmod(file_, kOnlyOwner) == 0;
    if (!is_usable) close();
  }
  ~Appending() { close(); }
  Appending(const Appending&) = delete;
  Appending& operator=(const Appending&) = delete;

  void write(std::string_view text) const {
    if (file_ >= 0) [[maybe_unused]]
      const ssize_t n = ::write(file_, text.data(), text.size());
  }

 private:
  void close() {
    if (file_ >= 0) ::close(std::exchange(file_, -1));
  }

  int file_;
};

}  // namespace

ChatHistory::ChatHistory(std::filesystem::path file) : file_(std::move(file)) {
  if (file_.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(file_.parent_path(), ignored);
  try {
    load();
  } catch (const Error&) {
    lines_.clear();  // missing, or not ours to read
  }
}

void ChatHistory::load() {
  const InputFile file(file_, ErrorCode::kFailed);
  const std::uint64_t skipped = file.size() - std::min(file.size(), kMaxFileBytes);
  const std::size_t expected = file.size() - skipped;
  const std::string text = file.part(skipped, expected);
  std::size_t first = skipped == 0 ? 0 : text.find('\n') + 1;  // the first line is cut
  for (std::size_t end = text.find('\n', first); end != std::string::npos;
       end = text.find('\n', first)) {
    lines_.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  const std::size_t count = lines_.size();
  if (count > kMaxLines) lines_.erase(lines_.begin(), lines_.end() - kMaxLines);
  const bool is_whole = text.size() == expected && !lines_.empty();
  if (is_whole && (count > 2 * kMaxLines || skipped > 0)) shorten();
}

void ChatHistory::shorten() const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
  Appending(file_).write(text);
}

void ChatHistory::add(std::string_view line) {
  if (line.empty() || line.find('\n') != std::string_view::npos) return;
  if (!lines_.empty() && lines_.back() == line) return;
  lines_.emplace_back(line);
  if (!file_.empty()) Appending(file_).write(std::string(line) + "\n");
}

}  // namespace oko::cli

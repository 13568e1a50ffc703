#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/language.h"

namespace oko::cli {

ProgressBar::ProgressBar(std::string label, bool quiet)
    : label_(std::move(label)), shown_(!quiet && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::update(double done) {
  constexpr int kWidth = 30;
  const int percent = static_cast<int>(std::clamp(done, 0.0, 1.0) * 100);
  if (!shown_ || percent == drawn_percent_) return;
  drawn_percent_ = percent;
  const int filled = percent * kWidth / 100;
  fmt::print(stderr, "\r{}  [{:#<{}}{:.<{}}]  {} %", label_, "", filled, "", kWidth - filled,
             percent);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (drawn_percent_ < 0) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_percent_ = -1;
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
    // U+0080..U+009F, control characters too, are C2 80..C2 9F in UTF-8.
    const bool high_control =
        byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (high_control) ++i;
    if (!control && !high_control) result += text[i];
  }
  return result;
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(ErrorCode::kFailed,
                tr("standard output cannot be written", "стандартный вывод не записывается"),
                tr("is the disk full?", "не заполнен ли диск?"));
  }
}

}  // namespace oko::cli

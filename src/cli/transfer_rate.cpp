#include "cli/transfer_rate.h"

#include "base/duration_text.h"
#include "base/file.h"

namespace oko::cli {
namespace {

constexpr std::chrono::seconds kWindow{8};
constexpr std::chrono::milliseconds kStep{200};  // between samples
constexpr std::chrono::seconds kLeast{1};        // before this, a speed says nothing

}  // namespace

void TransferRate::add(Clock::time_point time, std::uint64_t done) {
  // The last sample moves until it is old enough for another one.
  const bool moves = samples_.size() > 1 && time - samples_[samples_.size() - 2].time < kStep;
  if (moves) samples_.pop_back();
  samples_.push_back({time, done});
  while (samples_.size() > 2 && time - samples_[1].time >= kWindow) samples_.pop_front();
}

double TransferRate::bytes_per_second() const {
  if (samples_.empty() || samples_.back().time - samples_.front().time < kLeast) return 0;
  const std::chrono::duration<double> time = samples_.back().time - samples_.front().time;
  // Less than before, if a file with a wrong hash is fetched again.
  if (samples_.back().done <= samples_.front().done) return 0;
  return static_cast<double>(samples_.back().done - samples_.front().done) / time.count();
}

LocalizedText TransferRate::text(std::uint64_t total) const {
  const std::uint64_t done = samples_.empty() ? 0 : samples_.back().done;
  LocalizedText text = tr("{} of {}", "{} из {}", format_bytes(done), format_bytes(total));
  const double speed = bytes_per_second();
  if (speed <= 0 || done > total) return text;
  const std::chrono::seconds left{
      static_cast<std::int64_t>(static_cast<double>(total - done) / speed)};
  return text + tr(", {}/s, {} left", ", {}/с, осталось {}",
                   format_bytes(static_cast<std::uint64_t>(speed)), duration_text(left));
}

}  // namespace oko::cli

#include "tasks/index_clock.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace oko::tasks {
namespace {

using Clock = std::chrono::steady_clock;

/// The seconds since `time`, which becomes now.
double lap(Clock::time_point& time) {
  const Clock::time_point now = Clock::now();
  return std::chrono::duration<double>(now - std::exchange(time, now)).count();
}

}  // namespace

IndexClock::IndexClock(const IndexPlan& plan)
    : plan_(plan),
      start_(Clock::now()),
      left_(plan.files),
      reads_since_(start_),
      writes_since_(start_) {}

std::size_t IndexClock::number_of(const std::string& path) const {
  const auto number = plan_.number_of.find(path);
  return number == plan_.number_of.end() ? SIZE_MAX : number->second;
}

void IndexClock::begin_to_read() {
  const MutexLock lock(mutex_);
  lap(reads_since_);
}

void IndexClock::read_page(const std::string& path, std::size_t pages, std::size_t passages) {
  const MutexLock lock(mutex_);
  left_.read_page(number_of(path), pages, passages, lap(reads_since_));
}

void IndexClock::read_file(const ReadDocument& read) {
  const bool is_embedded = !read.error && !read.same.is_known();
  // A document without text is found by its name.
  const std::size_t passages = is_embedded ? std::max<std::size_t>(1, read.passages.size()) : 0;
  const MutexLock lock(mutex_);
  left_.read_file(number_of(read.document.path), passages, lap(reads_since_));
}

void IndexClock::begin_to_write() {
  const MutexLock lock(mutex_);
  lap(writes_since_);
}

void IndexClock::wrote(std::size_t passages) {
  const MutexLock lock(mutex_);
  left_.embedded(passages, lap(writes_since_));
}

std::optional<double> IndexClock::seconds_left() {
  const MutexLock lock(mutex_);
  return left_.seconds(std::chrono::duration<double>(Clock::now() - start_).count());
}

}  // namespace oko::tasks

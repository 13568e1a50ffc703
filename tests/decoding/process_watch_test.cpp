#include "decoding/process_watch.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include "decoding/platform.h"

namespace oko::decoding {
namespace {

/// A process that does `work` until it is killed.
class Child {
 public:
  explicit Child(void (*work)()) : id_(::fork()) {
    if (id_ != 0) return;
    work();
    ::_exit(0);
  }
  ~Child() {
    end();
    ::waitpid(id_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t id() const { return id_; }
  void end() const { ::kill(id_, SIGKILL); }
  void wait_for_end() const {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(id_), &ended, WEXITED | WNOWAIT);
  }

 private:
  pid_t id_;
};

void spin() {
  volatile unsigned turns = 0;
  while (true) turns = turns + 1;
}

constexpr std::size_t kBytes = 200'000'000;

void fill_memory_and_sleep() {
  void* memory =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memset(memory, 1, kBytes);
  while (true) ::pause();
}

/// As a helper that somebody has taken over may.
void fill_memory_under_a_false_name() {
#ifdef __linux__
  ::prctl(PR_SET_NAME, "VmSwap: 1");
#endif
  fill_memory_and_sleep();
}

void fill_memory_when_told() {
  ::raise(SIGSTOP);
  fill_memory_and_sleep();
}

TEST(ProcessWatchTest, EndsWhatTakesTooMuchTime) {
  const Child child(spin);
  ProcessWatch watch(child.id(), [&] { child.end(); });
  watch.set({.processor_seconds = 0.1});
  child.wait_for_end();
  watch.stop();
  EXPECT_EQ(watch.excess(), ProcessWatch::Excess::kTime);
}

TEST(ProcessWatchTest, EndsWhatTakesTooMuchMemory) {
  const Child child(fill_memory_and_sleep);
  ProcessWatch watch(child.id(), [&] { child.end(); });
  watch.set({.footprint = 150'000'000, .processor_seconds = 1000});
  child.wait_for_end();
  watch.stop();
  EXPECT_EQ(watch.excess(), ProcessWatch::Excess::kMemory);
}

TEST(ProcessWatchTest, IsNotMisledByTheNameOfTheProcess) {
  const Child child(fill_memory_under_a_false_name);
  ProcessWatch watch(child.id(), [&] { child.end(); });
  watch.set({.footprint = 150'000'000, .processor_seconds = 1000});
  child.wait_for_end();
  watch.stop();
  EXPECT_EQ(watch.excess(), ProcessWatch::Excess::kMemory);
}

TEST(ProcessWatchTest, LimitsMayGrowAndShrink) {
  using namespace std::chrono_literals;
  const Child child(fill_memory_when_told);
  ::waitpid(child.id(), nullptr, WUNTRACED);  // until it has stopped itself
  ProcessWatch watch(child.id(), [&] { child.end(); });
  watch.set({.footprint = 100'000'000, .processor_seconds = 1000});
  watch.set({.footprint = 1'000'000'000, .processor_seconds = 1000});
  ::kill(child.id(), SIGCONT);
  const auto has_filled = [&] { return bytes_of(child.id()).footprint >= kBytes; };
  while (!has_filled() && watch.excess() == ProcessWatch::Excess::kNone) {
    std::this_thread::sleep_for(1ms);
  }
  std::this_thread::sleep_for(100ms);  // some looks
  EXPECT_EQ(watch.excess(), ProcessWatch::Excess::kNone);
  watch.set({.footprint = 100'000'000, .processor_seconds = 1000});
  child.wait_for_end();
  watch.stop();
  EXPECT_EQ(watch.excess(), ProcessWatch::Excess::kMemory);
}

}  // namespace
}  // namespace oko::decoding

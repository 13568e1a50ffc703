#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tensor/cpu/array_pool.h"

namespace oko::engine {
namespace {

/// Writes a letter into a log at each of its steps.
struct Letters : StepSource {
  Letters(char letter, int count, std::string& log) : letter(letter), left(count), log(log) {}
  bool step() noexcept override {
    log += letter;
    return --left > 0;
  }
  char letter;
  int left;
  std::string& log;  ///< touched by the model thread
};

TEST(SchedulerTest, SourcesTakeTurns) {
  std::string log;
  Letters a('a', 3, log), b('b', 5, log);
  {
    Scheduler scheduler(1);
    scheduler.run([&] {  // no source runs a step before both exist
      scheduler.wake(a);
      scheduler.wake(b);
    });
    for (bool done = false; !done;) scheduler.run([&] { done = log.size() == 8; });
    scheduler.forget(a);
    scheduler.forget(b);
  }
  EXPECT_EQ(log, "abababbb");
}

TEST(SchedulerTest, ACommandRunsBetweenSteps) {
  struct Endless : StepSource {
    bool step() noexcept override {
      ++steps;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      return true;
    }
    std::atomic<std::uint64_t> steps = 0;
  } endless;
  Scheduler scheduler(1);
  scheduler.wake(endless);
  std::vector<std::uint64_t> steps;
  for (int i = 0; i < 5; ++i) scheduler.run([&] { steps.push_back(endless.steps); });
  for (std::size_t i = 1; i < 5; ++i) EXPECT_GT(steps[i], steps[i - 1]) << "no step in between";
  scheduler.forget(endless);
  const std::uint64_t after = endless.steps;
  scheduler.run([] {});
  EXPECT_EQ(endless.steps, after) << "a step after forget";
}

TEST(SchedulerTest, MemoryOfACommandIsFreeBeforeItsCallerContinues) {
  struct Endless : StepSource {
    bool step() noexcept override { return true; }
  } endless;
  Scheduler scheduler(1);
  scheduler.wake(endless);
  scheduler.run([] {
    tensor::cpu::ArrayPool& pool = tensor::cpu::array_pool();
    pool.give_back(pool.take(10'000'000));
    EXPECT_GE(pool.peak_bytes(), 10'000'000u);
  });
  EXPECT_LT(tensor::cpu::array_pool().peak_bytes(), 10'000'000u);  // and none is kept
  scheduler.forget(endless);
}

TEST(SchedulerTest, ASourceThatIsWokenDuringItsLastStepStepsAgain) {
  struct Waker : StepSource {
    bool step() noexcept override {
      if (++steps == 1) scheduler->wake(*this);
      return false;
    }
    Scheduler* scheduler = nullptr;
    std::atomic<int> steps = 0;
  } waker;
  Scheduler scheduler(1);
  waker.scheduler = &scheduler;
  scheduler.wake(waker);
  for (int i = 0; i < 10; ++i) scheduler.run([] {});
  EXPECT_EQ(waker.steps, 2);
  scheduler.forget(waker);
}

TEST(SchedulerTest, ErrorsOfACommandReachItsCaller) {
  Scheduler scheduler(1);
  try {
    scheduler.run([] { throw std::runtime_error("no"); });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed);
    EXPECT_NE(std::string(error.what()).find("no"), std::string::npos);
  }
  EXPECT_THROW(scheduler.run([] { throw_cancelled(); }), Error);
  bool ran = false;
  scheduler.run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace oko::engine

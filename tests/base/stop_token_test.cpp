#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace oko {
namespace {

using namespace std::chrono_literals;

TEST(StopTokenTest, ADefaultTokenIsNeverStopped) {
  const StopToken token;
  EXPECT_FALSE(token.stop_requested());
  const StopCallback callback(token, [] { ADD_FAILURE() << "called"; });
}

TEST(StopTokenTest, TokensSeeTheStopOfTheirSourceAndItsCopies) {
  const StopSource source;
  const StopToken token = source.get_token();
  const std::vector<StopSource> copies(1, source);
  EXPECT_FALSE(token.stop_requested());
  EXPECT_TRUE(copies[0].request_stop());
  EXPECT_TRUE(token.stop_requested());
  EXPECT_TRUE(source.stop_requested());
  EXPECT_FALSE(source.request_stop()) << "only the first request counts";
  EXPECT_FALSE(StopSource().stop_requested());
}

TEST(StopCallbackTest, EachRegisteredCallbackIsCalledOnceByTheRequestingThread) {
  const StopSource source;
  std::vector<int> calls(3);
  std::thread::id caller;
  const StopCallback first(source.get_token(), [&] { ++calls[0]; });
  auto removed = std::make_unique<StopCallback<std::function<void()>>>(source.get_token(),
                                                                       [&] { ++calls[1]; });
  const StopCallback third(source.get_token(), [&] {
    ++calls[2];
    caller = std::this_thread::get_id();
  });
  removed.reset();
  source.request_stop();
  source.request_stop();
  EXPECT_EQ(calls, (std::vector<int>{1, 0, 1}));
  EXPECT_EQ(caller, std::this_thread::get_id());
}

TEST(StopCallbackTest, IsCalledByTheConstructorIfAStopWasRequested) {
  const StopSource source;
  source.request_stop();
  int calls = 0;
  const StopCallback callback(source.get_token(), [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(StopCallbackTest, DestructorWaitsForACallOnAnotherThread) {
  const StopSource source;
  std::promise<void> entered;
  std::atomic<bool> is_left = false;
  std::optional<JoiningThread> requesting;
  {
    const StopCallback callback(source.get_token(), [&] {
      entered.set_value();
      std::this_thread::sleep_for(50ms);
      is_left = true;
    });
    requesting.emplace([&] { source.request_stop(); });
    entered.get_future().wait();
  }
  EXPECT_TRUE(is_left);
}

TEST(StopCallbackTest, MayDestroyItself) {
  const StopSource source;
  std::unique_ptr<StopCallback<std::function<void()>>> callback;
  callback = std::make_unique<StopCallback<std::function<void()>>>(source.get_token(),
                                                                   [&] { callback.reset(); });
  source.request_stop();
  EXPECT_EQ(callback, nullptr);
}

TEST(ConditionVariableTest, AWaitEndsWithItsConditionOrWithTheStop) {
  const StopSource source;
  std::mutex mutex;
  ConditionVariable changed;
  bool is_ready = false;
  std::vector<int> results(2, -1);
  {
    const JoiningThread first([&] {
      std::unique_lock lock(mutex);
      results[0] = changed.wait(lock, source.get_token(), [&] { return is_ready; });
      EXPECT_TRUE(lock.owns_lock());
    });
    std::this_thread::sleep_for(10ms);
    const std::lock_guard lock(mutex);
    is_ready = true;
    changed.notify_all();
  }
  {
    const JoiningThread second([&] {
      std::unique_lock lock(mutex);
      results[1] = changed.wait(lock, source.get_token(), [] { return false; });
      EXPECT_TRUE(lock.owns_lock());
    });
    std::this_thread::sleep_for(10ms);
    source.request_stop();
  }
  EXPECT_EQ(results, (std::vector<int>{1, 0}));
}

TEST(ConditionVariableTest, APredicateThatHoldsWinsOverAStop) {
  const StopSource source;
  source.request_stop();
  std::mutex mutex;
  ConditionVariable changed;
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait(lock, source.get_token(), [] { return true; }));
  EXPECT_FALSE(changed.wait_for(lock, source.get_token(), 1h, [] { return false; }));
}

TEST(ConditionVariableTest, ATimedWaitEndsByItself) {
  std::mutex mutex;
  ConditionVariable changed;
  std::unique_lock lock(mutex);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(changed.wait_for(lock, StopToken(), 20ms, [] { return false; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_TRUE(lock.owns_lock());
}

// A stop between the check of the token and the wait must not be lost. Requests hold the
// waiter's mutex in half of the rounds, which must not deadlock.
TEST(ConditionVariableTest, NoStopIsLost) {
  for (int round = 0; round < 2000; ++round) {
    const StopSource source;
    std::mutex mutex;
    ConditionVariable changed;
    const JoiningThread waiting([&] {
      std::unique_lock lock(mutex);
      EXPECT_FALSE(changed.wait(lock, source.get_token(), [] { return false; }));
    });
    std::unique_lock lock(mutex, std::defer_lock);
    if (round % 2 == 0) lock.lock();
    source.request_stop();
  }
}

TEST(JoiningThreadTest, DestructorStopsAndJoins) {
  std::atomic<bool> is_stopped = false;
  {
    const JoiningThread thread([&](const StopToken& stop) {
      while (!stop.stop_requested()) std::this_thread::yield();
      is_stopped = true;
    });
  }
  EXPECT_TRUE(is_stopped);
}

TEST(JoiningThreadTest, AssignmentStopsAndJoinsTheFormerThread) {
  std::atomic<int> stopped = 0;
  const auto until_stopped = [&](const StopToken& stop) {
    while (!stop.stop_requested()) std::this_thread::yield();
    ++stopped;
  };
  JoiningThread thread(until_stopped);
  thread = JoiningThread(until_stopped);
  EXPECT_EQ(stopped, 1);
  JoiningThread moved(std::move(thread));
  EXPECT_FALSE(thread.joinable());  // NOLINT(bugprone-use-after-move): this is what is tested
  EXPECT_TRUE(moved.joinable());
  moved = JoiningThread();
  EXPECT_EQ(stopped, 2);
}

}  // namespace
}  // namespace oko

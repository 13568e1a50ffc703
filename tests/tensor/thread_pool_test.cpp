#include "tensor/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace oko::tensor {
namespace {

using cpu::ThreadPool;

TEST(ThreadPoolTest, EveryIndexRunsExactlyOnce) {
  for (const std::size_t threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const std::size_t count : {0, 1, 2, 7, 8, 9, 1000, 20'000}) {
      std::vector<std::atomic<int>> runs(count);
      pool.parallel_for(count, [&](std::size_t i) { ++runs[i]; });
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_EQ(runs[i], 1) << "index " << i << " of " << count << " on " << threads;
      }
    }
  }
}

TEST(ThreadPoolTest, RangesCoverEveryIndexOnce) {
  ThreadPool pool(2);
  for (const std::size_t count : {0, 1, 63, 64, 65, 200}) {
    std::vector<std::atomic<int>> runs(count);
    pool.parallel_ranges(count, 64, [&](std::size_t first, std::size_t last) {
      EXPECT_LE(last - first, 64u);
      for (std::size_t i = first; i < last; ++i) ++runs[i];
    });
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(runs[i], 1) << i << " of " << count;
  }
}

TEST(ThreadPoolTest, RunsCoverEveryIndexOnceAndShorten) {
  ThreadPool pool(2);
  for (const std::size_t count : {0, 1, 31, 32, 33, 1000, 9728}) {
    std::vector<std::atomic<int>> runs(count);
    std::vector<std::size_t> length(count + 1);
    pool.parallel_runs(count, 32, [&](std::size_t first, std::size_t last) {
      EXPECT_TRUE(last - first >= 32 || last == count);
      length[first] = last - first;
      for (std::size_t i = first; i < last; ++i) ++runs[i];
    });
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(runs[i], 1) << i << " of " << count;
    for (std::size_t i = 0, before = count; i < count; before = length[i], i += length[i]) {
      ASSERT_LE(length[i], before);
    }
  }
}

TEST(ThreadPoolTest, APoolThatWentToSleepWakesUp) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // well past the look for work
    std::atomic<int> runs = 0;
    pool.parallel_for(10, [&](std::size_t) { ++runs; });
    EXPECT_EQ(runs, 10);
  }
}

TEST(ThreadPoolTest, CallersFromSeveralThreadsTakeTurns) {
  ThreadPool pool(3);
  std::atomic<std::size_t> total = 0;
  const auto call = [&] {
    for (int round = 0; round < 500; ++round) {
      std::atomic<std::size_t> mine = 0;
      pool.parallel_for(20, [&](std::size_t) { ++mine; });
      EXPECT_EQ(mine, 20u);
      total += mine;
    }
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(total, 20'000u);
}

TEST(ThreadPoolTest, WritesOfTasksAreSeenAfterTheReturn) {
  ThreadPool pool(4);
  std::vector<std::size_t> squares(1000);  // not atomic: the pool orders them
  pool.parallel_for(squares.size(), [&](std::size_t i) { squares[i] = i * i; });
  for (std::size_t i = 0; i < squares.size(); ++i) ASSERT_EQ(squares[i], i * i);
}

TEST(ThreadPoolTest, TenThousandRoundsOfChangingSizeDoNotDeadlock) {
  ThreadPool pool(3);
  std::size_t expected = 0;
  std::atomic<std::size_t> total = 0;
  for (std::size_t round = 0; round < 10'000; ++round) {
    const std::size_t count = round % 5;
    expected += count;
    pool.parallel_for(count, [&](std::size_t) { total.fetch_add(1, std::memory_order_relaxed); });
    ASSERT_EQ(total, expected) << "round " << round;
  }
}

TEST(ThreadPoolTest, PoolsStartAndStopWithoutWork) {
  for (int i = 0; i < 200; ++i) ThreadPool pool(4);
}

TEST(ThreadPoolTest, SharedPoolIsOneAndHasAThread) {
  EXPECT_EQ(&cpu::thread_pool(), &cpu::thread_pool());
  EXPECT_GE(cpu::thread_pool().size(), 1u);
}

}  // namespace
}  // namespace oko::tensor

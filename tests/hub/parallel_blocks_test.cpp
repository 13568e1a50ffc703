#include "hub/parallel_blocks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/error.h"

namespace oko::hub {
namespace {

/// The blocks that ran, and the threads that ran them.
struct Ran {
  std::multiset<std::size_t> blocks;
  std::set<std::thread::id> threads;

  void run(std::size_t count, std::size_t thread_count) {
    std::mutex mutex;
    for_each_block(count, thread_count, {}, [&](std::size_t i) {
      const std::lock_guard lock(mutex);
      blocks.insert(i);
      threads.insert(std::this_thread::get_id());
    });
  }
};

TEST(ParallelBlocksTest, RunsEachBlockOnce) {
  for (const std::size_t threads : {0, 1, 3}) {
    Ran ran;
    ran.run(100, threads);
    EXPECT_EQ(ran.blocks.size(), 100u) << threads;
    EXPECT_EQ(std::set<std::size_t>(ran.blocks.begin(), ran.blocks.end()).size(), 100u) << threads;
  }
}

TEST(ParallelBlocksTest, UsesAsManyThreadsAsAskedFor) {
  Ran ran;
  ran.run(1000, 1);
  EXPECT_EQ(ran.threads.size(), 1u);
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t begun = 0;
  for_each_block(3, 3, {}, [&](std::size_t) {
    std::unique_lock lock(mutex);
    ++begun;
    changed.notify_all();
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return begun == 3; }));
  });
}

TEST(ParallelBlocksTest, AnExceptionEndsTheWork) {
  std::set<std::size_t> ran;
  const auto run = [&](std::size_t i) {
    if (i == 3) throw std::runtime_error("three");
    ran.insert(i);
  };
  EXPECT_THROW(for_each_block(1'000'000, 1, {}, run), std::runtime_error);
  EXPECT_EQ(ran, (std::set<std::size_t>{0, 1, 2}));
}

TEST(ParallelBlocksTest, AnExceptionEndsTheWorkOfTheOtherThreads) {
  constexpr std::size_t kBlocks = 2000;
  std::atomic<bool> is_thrown = false;
  std::atomic<std::size_t> ran = 0;
  const auto run = [&](std::size_t i) {
    if (i == 0) {
      is_thrown = true;
      throw std::runtime_error("zero");
    }
    while (!is_thrown) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ++ran;
  };
  EXPECT_THROW(for_each_block(kBlocks, 2, {}, run), std::runtime_error);
  EXPECT_LT(ran, kBlocks - 1);
}

TEST(ParallelBlocksTest, AStopEndsTheWork) {
  StopSource stop;
  std::size_t count = 0;
  const auto run = [&](std::size_t) {
    if (++count == 5) stop.request_stop();
  };
  try {
    for_each_block(1'000'000, 1, stop.get_token(), run);
    FAIL() << "no exception";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  EXPECT_EQ(count, 5u);
}

}  // namespace
}  // namespace oko::hub

#include "tensor/cpu/array_pool.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "base/error.h"
#include "budget/process_memory.h"
#include "tests/support/kept_memory.h"

namespace oko::tensor::cpu {
namespace {

constexpr std::size_t kMegabyte = 1'000'000;

TEST(ArrayPoolTest, MemoryIsAlignedAndItsOwn) {
  ArrayPool pool;
  std::vector<std::byte*> taken;
  for (int i = 0; i < 8; ++i) {
    taken.push_back(pool.take(kMegabyte + 1));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(taken.back()) % 64, 0u);
    std::memset(taken.back(), i, kMegabyte + 1);
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(taken[i][0], std::byte(i));
    EXPECT_EQ(taken[i][kMegabyte], std::byte(i));
    pool.give_back(taken[i]);
  }
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(ArrayPoolTest, ReusesFreedBlocksOfEqualSize) {
  ArrayPool pool;
  std::byte* first = pool.take(10 * kMegabyte);
  pool.give_back(first);
  EXPECT_EQ(pool.take(9 * kMegabyte), first);
  std::byte* other = pool.take(4 * kMegabyte);
  pool.give_back(first);
  EXPECT_NE(pool.take(4 * kMegabyte), first) << "more than half of it would lie idle";
  pool.give_back(other);
}

TEST(ArrayPoolTest, KeepsTheBlocksThatWereFreedLastWithinALimit) {
  ArrayPool pool;
  std::byte* const small = pool.take(kMegabyte);
  std::byte* const medium = pool.take(2 * kMegabyte);
  std::byte* const large = pool.take(4 * kMegabyte);
  for (std::byte* block : {small, medium, large}) pool.give_back(block);
  pool.trim(7 * kMegabyte);
  EXPECT_GE(pool.peak_bytes(), 6 * kMegabyte);
  EXPECT_LE(pool.peak_bytes(), 7 * kMegabyte);
  EXPECT_EQ(pool.take(2 * kMegabyte), medium);
  EXPECT_EQ(pool.take(4 * kMegabyte), large);
  pool.give_back(medium);
  pool.give_back(large);
  pool.trim();
  EXPECT_EQ(pool.peak_bytes(), 0u);
}

TEST(ArrayPoolTest, TheProcessTakesLittleMoreThanItsArrays) {
  ArrayPool pool;
  const auto touch = [&](std::size_t bytes) {
    std::byte* memory = pool.take(bytes);
    std::memset(memory, 1, bytes);
    return memory;
  };
  const std::uint64_t before = budget::private_bytes();
  std::mt19937 random(1);
  // Sizes that never come again: no kept block is of use.
  for (int i = 0; i < 60; ++i) {
    std::byte* one = touch(50 * kMegabyte + random() % (100 * kMegabyte));
    std::byte* two = touch(10 * kMegabyte + random() % (40 * kMegabyte));
    pool.give_back(one);
    pool.give_back(two);
    EXPECT_LE(
        budget::private_bytes() - before,
        pool.peak_bytes() + ArrayPool::most_kept(pool.peak_bytes()) + kMegabyte + kKeptFreedBytes);
  }
  pool.trim();
  EXPECT_LE(budget::private_bytes(), before + kMegabyte + kKeptFreedBytes);
}

TEST(ArrayPoolTest, FailedMappingIsAnError) {
  ArrayPool pool;
  try {
    pool.take(std::size_t{1} << 50);
    FAIL() << "it was given";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed);
    EXPECT_NE(std::string(error.what()).find("1125899.9 GB"), std::string::npos) << error.what();
  }
  pool.give_back(pool.take(kMegabyte));
}

TEST(ArrayPoolTest, ThreadsMayGiveBackWhatOthersTook) {
  ArrayPool pool;
  std::vector<JoiningThread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 100; ++i) {
        std::byte* memory = pool.take(kMegabyte * static_cast<std::size_t>(1 + i % 3));
        memory[i] = std::byte(t);
        JoiningThread([&pool, memory] { pool.give_back(memory); });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(pool.used_bytes(), 0u);
}

}  // namespace
}  // namespace oko::tensor::cpu

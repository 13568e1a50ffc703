#include "budget/memory_budget.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/language.h"

namespace oko::budget {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

TagBytes bytes_of(Tag tag, std::uint64_t bytes) {
  TagBytes result;
  result[tag] = bytes;
  return result;
}

class MemoryBudgetTest : public ::testing::Test {
 protected:
  void SetUp() override { set_language(Language::kEnglish); }

  using Evict = std::function<bool(const StopToken&)>;

  Reservation reserve(Tag tag, std::uint64_t bytes, const Evict& evict = {}, StopToken stop = {}) {
    return budget_.reserve(
        {.size = [=] { return bytes_of(tag, bytes); }, .evict = evict, .hint = "use --max-pixels"},
        std::move(stop));
  }

  MemoryBudget budget_{4 * kGigabyte};
};

TEST_F(MemoryBudgetTest, CountsHeldBytesByTag) {
  const Reservation weights = reserve(Tag::kWeights, 3 * kGigabyte);
  {
    const Reservation kv = reserve(Tag::kKv, kGigabyte);
    EXPECT_EQ(budget_.held()[Tag::kKv], kGigabyte);
    EXPECT_EQ(budget_.held().total(), 4 * kGigabyte);
  }
  EXPECT_EQ(budget_.held().total(), 3 * kGigabyte);
  EXPECT_EQ(budget_.peak_bytes(), 4 * kGigabyte);
}

TEST_F(MemoryBudgetTest, AMovedReservationIsReleasedOnce) {
  Reservation first = reserve(Tag::kOcr, kGigabyte);
  Reservation second = std::move(first);
  first.release();  // NOLINT(bugprone-use-after-move): it holds nothing
  EXPECT_EQ(budget_.held().total(), kGigabyte);
  second = reserve(Tag::kImage, 2 * kGigabyte);
  EXPECT_EQ(budget_.held(), bytes_of(Tag::kImage, 2 * kGigabyte));
  second.release();
  EXPECT_EQ(budget_.held().total(), 0u);
}

TEST_F(MemoryBudgetTest, RefusesWithNumbers) {
  const Reservation weights = reserve(Tag::kWeights, 3 * kGigabyte);
  try {
    reserve(Tag::kVision, 2 * kGigabyte);
    FAIL() << "it was granted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
    EXPECT_STREQ(error.what(), "needs 1908MB of memory; budget 3814MB, 953MB free");
    EXPECT_EQ(error.hint(), "use --max-pixels");
  }
  const Reservation next = reserve(Tag::kVision, kGigabyte);  // the refusal ended nothing
}

TEST_F(MemoryBudgetTest, EvictsUntilTheRequestFits) {
  std::vector<Reservation> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(reserve(Tag::kWeights, kGigabyte));
  const Reservation vision = reserve(Tag::kVision, 2 * kGigabyte, [&](const StopToken&) {
    if (idle.empty()) return false;
    idle.pop_back();
    return true;
  });
  EXPECT_EQ(idle.size(), 2u);
}

TEST_F(MemoryBudgetTest, WaitersAreServedInOrder) {
  Reservation first = reserve(Tag::kVision, 4 * kGigabyte);
  std::atomic<int> waiting{0};
  std::vector<int> order;
  std::mutex mutex;
  std::vector<JoiningThread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&, i] {
      ++waiting;
      // The second asks for little: it does not overtake the first.
      const Reservation reservation = reserve(Tag::kVision, i == 0 ? 4 * kGigabyte : kGigabyte / 2);
      const std::lock_guard lock(mutex);
      order.push_back(i);
    });
    while (waiting <= i) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  first.release();
  others.clear();
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(order[0], 0);
}

TEST_F(MemoryBudgetTest, AWaiterCanBeCancelledAndOthersGoOn) {
  Reservation first = reserve(Tag::kVision, 3 * kGigabyte);
  StopSource cancel;
  std::atomic<int> cancelled{0};
  std::vector<JoiningThread> waiting;
  for (int i = 0; i < 2; ++i) {  // one at the head of the queue, one behind it
    waiting.emplace_back([&] {
      try {
        reserve(Tag::kVision, 2 * kGigabyte, {}, cancel.get_token());
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kCancelled) ++cancelled;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  cancel.request_stop();
  waiting.clear();
  EXPECT_EQ(cancelled, 2);
  const Reservation next = reserve(Tag::kKv, kGigabyte);
}

TEST_F(MemoryBudgetTest, HoldersDoNotWaitForEachOtherForever) {
  std::atomic<int> granted{0}, refused{0}, keeping{0};
  std::vector<JoiningThread> requests;
  for (int i = 0; i < 3; ++i) {
    requests.emplace_back([&] {
      const Reservation picture = reserve(Tag::kImage, kGigabyte);
      ++keeping;
      while (keeping < 3) std::this_thread::yield();
      try {
        // With three pictures there is room for none of these; with two there is, for one.
        const Reservation vision =
            budget_.reserve({.size = [] { return bytes_of(Tag::kVision, 2 * kGigabyte); },
                             .already_held = &picture});
        ++granted;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kOverBudget) ++refused;
      }
    });
  }
  requests.clear();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(granted, 2);
  const MemoryBudgetCounts counts = budget_.counts();
  EXPECT_EQ(counts.granted, 5u);
  EXPECT_EQ(counts.refused, 1u);
  EXPECT_EQ(counts.peak[Tag::kImage], 3 * kGigabyte);
  EXPECT_EQ(counts.peak[Tag::kVision], 2 * kGigabyte);
}

TEST_F(MemoryBudgetTest, HoldersAreServedBeforeNonHolders) {
  Reservation picture = reserve(Tag::kImage, kGigabyte);
  std::atomic<bool> granted{false};
  JoiningThread other([&] {
    const Reservation all = reserve(Tag::kVision, 4 * kGigabyte);
    granted = true;
  });
  while (budget_.counts().waited == 0) std::this_thread::yield();
  {
    const Reservation vision = budget_.reserve(
        {.size = [] { return bytes_of(Tag::kVision, 2 * kGigabyte); }, .already_held = &picture});
    EXPECT_FALSE(granted);
  }
  picture.release();
  other.join();
  EXPECT_TRUE(granted);
  EXPECT_EQ(budget_.counts().refused, 0u);
}

TEST_F(MemoryBudgetTest, WaitsForAHolderThatArrivesDuringTheTurn) {
  Reservation picture = reserve(Tag::kImage, kGigabyte);
  JoiningThread other;
  const Reservation all = reserve(Tag::kVision, 4 * kGigabyte, [&](const StopToken&) {
    if (!other
             .joinable()) {  // the first turn: the picture's owner asks for more and is not at work
      other = JoiningThread([&] {
        const Reservation vision = budget_.reserve(
            {.size = [] { return bytes_of(Tag::kVision, kGigabyte); }, .already_held = &picture});
        picture.release();
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  });
  EXPECT_EQ(budget_.counts().refused, 0u);
}

TEST_F(MemoryBudgetTest, EvaluatesTheSizeAgainIfTheGrantIsDeclined) {
  int asked = 0;
  const Reservation reservation =
      budget_.reserve({.size = [&] { return bytes_of(Tag::kKv, ++asked * 1000u); },
                       .on_grant = [&](Reservation&) { return asked == 2; }});
  EXPECT_EQ(reservation.bytes().total(), 2000u);
  EXPECT_EQ(budget_.held().total(), 2000u);
  EXPECT_EQ(budget_.counts().granted, 1u);
}

TEST_F(MemoryBudgetTest, WaitsUntilTheExtraConditionHolds) {
  Reservation work = reserve(Tag::kVision, kGigabyte);
  std::atomic<bool> granted{false};
  JoiningThread other([&] {
    const Reservation kv =
        budget_.reserve({.size = [] { return bytes_of(Tag::kKv, kGigabyte); },
                         .can_grant = [&] { return budget_.held()[Tag::kVision] == 0; }});
    granted = true;
  });
  while (budget_.counts().waited == 0) std::this_thread::yield();
  EXPECT_FALSE(granted);
  work.release();
  other.join();
  EXPECT_TRUE(granted);
}

TEST_F(MemoryBudgetTest, AReleasedReservationHoldsNothing) {
  Reservation first = reserve(Tag::kImage, kGigabyte);
  const Reservation second = std::move(first);
  EXPECT_EQ(first.bytes().total(), 0u);  // NOLINT(bugprone-use-after-move): that is the test
  Reservation third = reserve(Tag::kImage, kGigabyte);
  third.release();
  EXPECT_EQ(third.bytes().total(), 0u);
}

TEST_F(MemoryBudgetTest, ASplitPartOutlivesTheRest) {
  Reservation weights;
  {
    TagBytes both = bytes_of(Tag::kWeights, kGigabyte);
    both[Tag::kKv] = kGigabyte / 2;
    Reservation reservation = budget_.reserve({.size = [&] { return both; }});
    weights = reservation.split(bytes_of(Tag::kWeights, kGigabyte));
  }
  EXPECT_EQ(budget_.held(), bytes_of(Tag::kWeights, kGigabyte));
}

TEST_F(MemoryBudgetTest, EvaluatesTheSizeAgainAfterAnEviction) {
  Reservation idle = reserve(Tag::kWeights, 3 * kGigabyte);
  std::uint64_t wanted = 2 * kGigabyte;
  const Reservation reservation =
      budget_.reserve({.size = [&] { return bytes_of(Tag::kKv, wanted); },
                       .evict =
                           [&](const StopToken&) {
                             idle.release();
                             wanted = kGigabyte;
                             return true;
                           }});
  EXPECT_EQ(reservation.bytes().total(), kGigabyte);
}

TEST_F(MemoryBudgetTest, NeverExceedsTheBudget) {
  std::vector<JoiningThread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 500; ++i) {
        // Of weights alone nobody waits.
        const Reservation reservation =
            reserve(Tag(1 + random() % (kTagCount - 1)), 1 + random() % (4 * kGigabyte));
        EXPECT_LE(budget_.held().total(), budget_.budget_bytes());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(budget_.held().total(), 0u);
  EXPECT_LE(budget_.peak_bytes(), budget_.budget_bytes());
}

TEST_F(MemoryBudgetTest, AFailedEvictionLeavesTheBudgetUsable) {
  const Reservation kv = reserve(Tag::kKv, 3 * kGigabyte);
  const auto broken = [](const StopToken&) -> bool { throw std::runtime_error("broken"); };
  EXPECT_THROW(reserve(Tag::kVision, 2 * kGigabyte, broken), std::runtime_error);
  const Reservation next = reserve(Tag::kVision, kGigabyte);
}

}  // namespace
}  // namespace oko::budget

#include "budget/memory_budget.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "base/error.h"

namespace oko::budget {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

TagBytes bytes_of(Tag tag, std::uint64_t bytes) {
  TagBytes result;
  result[tag] = bytes;
  return result;
}

/// Holds entries of one size; evicts as many as it takes. Counts as used at `idle_since`.
class FakeCache : public Evictable {
 public:
  FakeCache(MemoryBudget& budget, EvictionOrder order, int idle_since = 0)
      : order_(order),
        idle_since_(Clock::time_point(std::chrono::seconds(idle_since))),
        registration_(budget, *this) {}
  ~FakeCache() override {
    const std::lock_guard lock(mutex_);
    entries_.clear();
  }

  void grow(MemoryBudget& budget, Tag tag, std::uint64_t bytes) {
    auto entry = budget.try_reserve(bytes_of(tag, bytes), registration_);
    ASSERT_TRUE(entry);
    entries_.push_back(std::move(*entry));
  }

  EvictionOrder order() const override { return order_; }
  std::optional<Clock::time_point> idle_since() const override {
    if (in_use) return std::nullopt;
    return idle_since_;
  }
  bool evict(std::uint64_t bytes, const StopToken&) override {
    if (on_evict) on_evict();
    const std::lock_guard lock(mutex_);
    if (in_use || entries_.empty()) return false;
    while (!entries_.empty()) {
      const std::uint64_t freed = entries_.back().bytes().total();
      entries_.pop_back();
      if (freed >= bytes) break;
      bytes -= freed;
    }
    return true;
  }

  std::size_t size() const { return entries_.size(); }
  EvictableRegistration& registration() { return registration_; }

  std::atomic<bool> in_use = false;
  std::function<void()> on_evict;

 private:
  EvictionOrder order_;
  Clock::time_point idle_since_;
  std::mutex mutex_;  ///< of the entries
  std::vector<Reservation> entries_;
  EvictableRegistration registration_;
};

/// Stops what takes longer than 5 seconds: a test that would hang fails.
class Deadline {
 public:
  StopToken token() const { return source_.get_token(); }

 private:
  StopSource source_;
  JoiningThread thread_{[this](const StopToken& done) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    ConditionVariable().wait_for(lock, done, std::chrono::seconds(5), [] { return false; });
    if (!done.stop_requested()) source_.request_stop();
  }};
};

class MemoryBudgetTest : public ::testing::Test {
 protected:
  Reservation reserve(Tag tag, std::uint64_t bytes, StopToken stop = {}) {
    return budget_.reserve(
        {.size = [=] { return bytes_of(tag, bytes); }, .hint = "use --max-pixels"},
        std::move(stop));
  }
  Reservation reserve_resident(Tag tag, std::uint64_t bytes) {
    return budget_.reserve(
        {.size = [=] { return bytes_of(tag, bytes); }, .lifetime = Lifetime::kResident});
  }

  /// The code of the error that `function` throws, or nothing.
  template <typename Function>
  static std::optional<ErrorCode> code_of(const Function& function) {
    try {
      function();
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  }

  MemoryBudget budget_{4 * kGigabyte};
};

TEST_F(MemoryBudgetTest, CountsHeldBytesByTag) {
  const Reservation weights = reserve_resident(Tag::kWeights, 3 * kGigabyte);
  {
    const Reservation kv = reserve(Tag::kKv, kGigabyte);
    EXPECT_EQ(budget_.held()[Tag::kKv], kGigabyte);
    EXPECT_EQ(budget_.held().total(), 4 * kGigabyte);
    EXPECT_EQ(budget_.transient_bytes(), kGigabyte);
  }
  EXPECT_EQ(budget_.held().total(), 3 * kGigabyte);
  EXPECT_EQ(budget_.transient_bytes(), 0u);
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
  const Reservation weights = reserve_resident(Tag::kWeights, 3 * kGigabyte);
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

TEST_F(MemoryBudgetTest, RefusesAtOnceIfResidentsOfAnyTagLeaveNoRoom) {
  for (std::size_t tag = 0; tag < kTagCount; ++tag) {
    const Reservation resident = reserve_resident(Tag(tag), 3 * kGigabyte);
    // Work that would have to be waited for.
    const Reservation active = reserve(Tag::kVision, kGigabyte / 2);
    const Deadline deadline;
    EXPECT_EQ(code_of([&] { reserve(Tag::kKv, 2 * kGigabyte, deadline.token()); }),
              ErrorCode::kOverBudget)
        << name_of(Tag(tag));
    EXPECT_EQ(budget_.counts().waited, 0u);
  }
}

TEST_F(MemoryBudgetTest, RefusesAtOnceIfOwnReservationsLeaveNoRoom) {
  const Reservation picture = reserve(Tag::kImage, 2 * kGigabyte);
  const Reservation active = reserve(Tag::kVision, kGigabyte);
  const Deadline deadline;
  const auto ask_for_more = [&] {
    budget_.reserve(
        {.size = [] { return bytes_of(Tag::kKv, 3 * kGigabyte); }, .already_held = &picture},
        deadline.token());
  };
  EXPECT_EQ(code_of(ask_for_more), ErrorCode::kOverBudget);
  EXPECT_EQ(budget_.counts().waited, 0u);
}

TEST_F(MemoryBudgetTest, EvictsCachesOfAnyTagBeforeRefusing) {
  for (std::size_t tag = 0; tag < kTagCount; ++tag) {
    FakeCache cache(budget_, EvictionOrder::kImageCache);
    cache.grow(budget_, Tag(tag), 3 * kGigabyte);
    const Reservation vision = reserve(Tag::kVision, 2 * kGigabyte);
    EXPECT_EQ(cache.size(), 0u) << name_of(Tag(tag));
  }
}

TEST_F(MemoryBudgetTest, EvictsNothingForARequestThatNeverFits) {
  FakeCache cache(budget_, EvictionOrder::kImageCache);
  cache.grow(budget_, Tag::kImageCache, kGigabyte);
  EXPECT_EQ(code_of([&] { reserve(Tag::kVision, 5 * kGigabyte); }), ErrorCode::kOverBudget);
  EXPECT_EQ(cache.size(), 1u);
}

TEST_F(MemoryBudgetTest, EvictsNoMoreThanTheRequestNeeds) {
  FakeCache cache(budget_, EvictionOrder::kImageCache);
  for (int i = 0; i < 4; ++i) cache.grow(budget_, Tag::kImageCache, kGigabyte);
  const Reservation vision = reserve(Tag::kVision, 2 * kGigabyte);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(budget_.counts().evicted, 1u);
}

TEST_F(MemoryBudgetTest, EvictsPrefixesThenPicturesThenModelsAndTheLeastRecentlyUsedFirst) {
  std::vector<std::string> evicted;
  std::vector<std::unique_ptr<FakeCache>> caches;
  const auto add = [&](EvictionOrder order, int idle_since, const std::string& name) {
    caches.push_back(std::make_unique<FakeCache>(budget_, order, idle_since));
    caches.back()->grow(budget_, Tag::kWeights, kGigabyte / 2);
    caches.back()->on_evict = [&evicted, name] { evicted.push_back(name); };
  };
  add(EvictionOrder::kIdleModel, 2, "model");
  add(EvictionOrder::kIdleModel, 1, "older model");
  add(EvictionOrder::kImageCache, 4, "pictures");
  add(EvictionOrder::kImageCache, 3, "older pictures");
  add(EvictionOrder::kPrefixCache, 6, "prefixes");
  add(EvictionOrder::kPrefixCache, 5, "older prefixes");
  const Reservation all = reserve(Tag::kVision, 4 * kGigabyte);
  EXPECT_EQ(evicted, (std::vector<std::string>{"older prefixes", "prefixes", "older pictures",
                                               "pictures", "older model", "model"}));
}

TEST_F(MemoryBudgetTest, DoesNotEvictModelOfTheRequest) {
  FakeCache model(budget_, EvictionOrder::kIdleModel, 1);
  FakeCache other(budget_, EvictionOrder::kIdleModel, 2);
  model.grow(budget_, Tag::kWeights, 2 * kGigabyte);
  other.grow(budget_, Tag::kWeights, 2 * kGigabyte);
  const Deadline deadline;
  const auto reserve_with_model = [&](std::uint64_t bytes) {
    return budget_.reserve(
        {.size = [=] { return bytes_of(Tag::kKv, bytes); }, .keep = &model.registration()},
        deadline.token());
  };
  const Reservation kv = reserve_with_model(kGigabyte);
  EXPECT_EQ(model.size(), 1u);
  EXPECT_EQ(other.size(), 0u);
  EXPECT_EQ(code_of([&] { reserve_with_model(3 * kGigabyte); }), ErrorCode::kOverBudget);
  EXPECT_EQ(model.size(), 1u);
}

TEST_F(MemoryBudgetTest, EvictsModelAfterItsLastUserReleases) {
  FakeCache model(budget_, EvictionOrder::kIdleModel);
  model.grow(budget_, Tag::kWeights, 3 * kGigabyte);
  model.in_use = true;
  Reservation work = reserve(Tag::kVision, kGigabyte / 2);
  JoiningThread user([&] {
    while (budget_.counts().waited == 0) std::this_thread::yield();
    model.in_use = false;
    work.release();
  });
  const Deadline deadline;
  const Reservation other = reserve(Tag::kVision, 4 * kGigabyte, deadline.token());
  EXPECT_EQ(model.size(), 0u);
}

TEST_F(MemoryBudgetTest, EvictsNextCandidateIfFirstIsUsedAgain) {
  FakeCache used(budget_, EvictionOrder::kIdleModel, 1);
  FakeCache idle(budget_, EvictionOrder::kIdleModel, 2);
  used.grow(budget_, Tag::kWeights, 2 * kGigabyte);
  idle.grow(budget_, Tag::kWeights, 2 * kGigabyte);
  used.on_evict = [&] { used.in_use = true; };
  const Reservation vision = reserve(Tag::kVision, 2 * kGigabyte);
  EXPECT_EQ(used.size(), 1u);
  EXPECT_EQ(idle.size(), 0u);
}

TEST_F(MemoryBudgetTest, ACacheGrowsOnlyIntoFreeMemory) {
  FakeCache model(budget_, EvictionOrder::kIdleModel);
  FakeCache cache(budget_, EvictionOrder::kImageCache);
  model.grow(budget_, Tag::kWeights, 3 * kGigabyte);
  const TagBytes entry = bytes_of(Tag::kImageCache, kGigabyte);
  std::optional<Reservation> first = budget_.try_reserve(entry, cache.registration());
  EXPECT_TRUE(first);
  EXPECT_FALSE(budget_.try_reserve(entry, cache.registration()));
  EXPECT_EQ(model.size(), 1u);
}

TEST_F(MemoryBudgetTest, ATransientReservationMayBeTriedWithoutWaiting) {
  FakeCache cache(budget_, EvictionOrder::kImageCache);
  cache.grow(budget_, Tag::kImageCache, 3 * kGigabyte);
  const TagBytes pass = bytes_of(Tag::kPrefill, kGigabyte);
  std::optional<Reservation> first = budget_.try_reserve(pass);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->lifetime(), Lifetime::kTransient);
  EXPECT_EQ(budget_.transient_bytes(), kGigabyte);
  EXPECT_FALSE(budget_.try_reserve(pass));
  EXPECT_EQ(cache.size(), 1u);
  first->release();
  EXPECT_EQ(budget_.transient_bytes(), 0u);
}

TEST_F(MemoryBudgetTest, ACacheDoesNotGrowWhileOthersWait) {
  FakeCache cache(budget_, EvictionOrder::kImageCache);
  Reservation work = reserve(Tag::kVision, kGigabyte);
  JoiningThread other([&] { reserve(Tag::kVision, 4 * kGigabyte); });
  while (budget_.counts().waited == 0) std::this_thread::yield();
  EXPECT_FALSE(budget_.try_reserve(bytes_of(Tag::kImageCache, 1), cache.registration()));
  work.release();
}

TEST_F(MemoryBudgetTest, EvictsOneOrderByIdleTime) {
  FakeCache old_cache(budget_, EvictionOrder::kImageCache, 1);
  FakeCache new_cache(budget_, EvictionOrder::kImageCache, 3);
  FakeCache model(budget_, EvictionOrder::kIdleModel, 1);
  for (FakeCache* each : {&old_cache, &new_cache, &model}) {
    each->grow(budget_, Tag::kImageCache, kGigabyte);
  }
  budget_.evict_idle(EvictionOrder::kImageCache,
                     Evictable::Clock::time_point(std::chrono::seconds(2)), {});
  EXPECT_EQ(old_cache.size(), 0u);
  EXPECT_EQ(new_cache.size(), 1u);
  EXPECT_EQ(model.size(), 1u);
}

TEST_F(MemoryBudgetTest, ARegistrationEndsAfterTheEvictionUnderWay) {
  auto cache = std::make_unique<FakeCache>(budget_, EvictionOrder::kImageCache);
  cache->grow(budget_, Tag::kImageCache, kGigabyte);
  std::atomic<bool> has_begun = false, is_over = false;
  cache->on_evict = [&] {
    has_begun = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    is_over = true;
  };
  JoiningThread other([&] { reserve(Tag::kVision, 4 * kGigabyte); });
  while (!has_begun) std::this_thread::yield();
  cache.reset();
  EXPECT_TRUE(is_over);
}

TEST_F(MemoryBudgetTest, WaitsForAnOwnerThatEnds) {
  FakeCache cache(budget_, EvictionOrder::kIdleModel);
  cache.grow(budget_, Tag::kWeights, kGigabyte);
  std::atomic<int> evictions{0};
  cache.on_evict = [&] {
    ++evictions;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  JoiningThread owner([&] { budget_.evict(cache.registration()); });
  while (evictions == 0) std::this_thread::yield();
  EXPECT_EQ(code_of([&] { reserve(Tag::kVision, 4 * kGigabyte); }), std::nullopt);
  EXPECT_EQ(evictions, 1) << "the waiter leaves it to the owner";
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

TEST_F(MemoryBudgetTest, CancellingAWaiterLetsOthersContinue) {
  Reservation first = reserve(Tag::kVision, 3 * kGigabyte);
  StopSource cancel;
  std::atomic<int> cancelled{0};
  std::vector<JoiningThread> waiting;
  for (int i = 0; i < 2; ++i) {  // one at the head of the queue, one behind it
    waiting.emplace_back([&] {
      try {
        reserve(Tag::kVision, 2 * kGigabyte, cancel.get_token());
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
  const auto size = [&] {
    if (!other.joinable()) {  // the first turn: the owner of the picture asks for more
      other = JoiningThread([&] {
        const Reservation vision = budget_.reserve(
            {.size = [] { return bytes_of(Tag::kVision, kGigabyte); }, .already_held = &picture});
        picture.release();
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return bytes_of(Tag::kVision, 4 * kGigabyte);
  };
  const Reservation all = budget_.reserve({.size = size});
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
  // NOLINTNEXTLINE(bugprone-use-after-move): that is the test
  EXPECT_EQ(first.bytes().total(), 0u);
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

TEST_F(MemoryBudgetTest, DoesNotWaitForAPartThatBecameResident) {
  FakeCache model(budget_, EvictionOrder::kIdleModel);
  Reservation work = reserve(Tag::kWeights, 3 * kGigabyte);
  const Reservation weights =
      work.split(bytes_of(Tag::kWeights, 3 * kGigabyte), model.registration());
  model.in_use = true;
  const Deadline deadline;
  EXPECT_EQ(code_of([&] { reserve(Tag::kKv, 2 * kGigabyte, deadline.token()); }),
            ErrorCode::kOverBudget);
}

TEST_F(MemoryBudgetTest, EvaluatesTheSizeAgainAfterAnEviction) {
  FakeCache idle(budget_, EvictionOrder::kIdleModel);
  idle.grow(budget_, Tag::kWeights, 3 * kGigabyte);
  std::uint64_t size = 2 * kGigabyte;
  idle.on_evict = [&] { size = kGigabyte; };
  const Reservation reservation =
      budget_.reserve({.size = [&] { return bytes_of(Tag::kKv, size); }});
  EXPECT_EQ(reservation.bytes().total(), kGigabyte);
}

TEST_F(MemoryBudgetTest, NeverExceedsTheBudget) {
  std::vector<JoiningThread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 500; ++i) {
        const Reservation reservation =
            reserve(Tag(random() % kTagCount), 1 + random() % (4 * kGigabyte));
        EXPECT_LE(budget_.held().total(), budget_.budget_bytes());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(budget_.held().total(), 0u);
  EXPECT_LE(budget_.peak_bytes(), budget_.budget_bytes());
}

TEST_F(MemoryBudgetTest, AFailedEvictionLeavesTheBudgetUsable) {
  FakeCache cache(budget_, EvictionOrder::kImageCache);
  cache.grow(budget_, Tag::kImageCache, 3 * kGigabyte);
  cache.on_evict = [] { throw std::runtime_error("broken"); };
  EXPECT_THROW(reserve(Tag::kVision, 2 * kGigabyte), std::runtime_error);
  const Reservation next = reserve(Tag::kVision, kGigabyte);
}

#ifndef NDEBUG
TEST_F(MemoryBudgetTest, AssertsThatASplitIsNoMoreThanWhatIsHeld) {
  Reservation picture = reserve(Tag::kImage, kGigabyte);
  EXPECT_DEATH(picture.split(bytes_of(Tag::kImage, kGigabyte + 1)), "contains");
}
#endif

}  // namespace
}  // namespace oko::budget

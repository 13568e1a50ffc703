#include "engine/model_host.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <random>

#include "base/error.h"

namespace oko::engine {
namespace {

using namespace std::chrono_literals;
using budget::Pressure;
using budget::Tag;
using budget::TagBytes;

constexpr std::uint64_t kMegabyte = 1'000'000;

/// Counts its loads and the loaded models.
struct FakeModel : LoadableModel {
  explicit FakeModel(std::atomic<int>& there) : loaded_models(there) {}
  void load() override {
    if (broken) throw Error(ErrorCode::kBadModel, "model.safetensors: is damaged");
    EXPECT_FALSE(is_loaded);
    is_loaded = true;
    ++loads;
    ++loaded_models;
  }
  void unload() noexcept override {
    if (is_loaded) --loaded_models;
    is_loaded = false;
  }

  bool is_current() const override { return current; }

  std::atomic<int>& loaded_models;
  bool current = true;
  std::atomic<bool> is_loaded = false;
  std::atomic<int> loads = 0;
  bool broken = false;
};

struct ScriptedProbe : budget::MemoryProbe {
  budget::MemoryStatus status() const override {
    budget::MemoryStatus status;
    status.pressure = pressure;
    return status;
  }
  std::atomic<Pressure> pressure = Pressure::kNormal;
};

/// One entry of a cache.
class FakeCache : public budget::Evictable {
 public:
  FakeCache(ModelHost& host, std::uint64_t megabytes) : registration_(host.memory_budget(), *this) {
    TagBytes bytes;
    bytes[Tag::kImageCache] = megabytes * kMegabyte;
    const std::lock_guard lock(mutex_);
    entry_ = std::move(*host.memory_budget().try_reserve(bytes, registration_));
    is_full = true;
  }
  budget::EvictionOrder order() const override { return budget::EvictionOrder::kImageCache; }
  std::optional<Clock::time_point> idle_since() const override { return created_; }
  bool evict(std::uint64_t, const StopToken&) override {
    const std::lock_guard lock(mutex_);
    entry_.release();
    is_full = false;
    return true;
  }

  std::atomic<bool> is_full = false;

 private:
  Clock::time_point created_ = Clock::now();
  std::mutex mutex_;
  budget::Reservation entry_;
  budget::EvictableRegistration registration_;
};

TagBytes work_of(std::uint64_t megabytes) {
  TagBytes bytes;
  bytes[Tag::kPrefill] = megabytes * kMegabyte;
  return bytes;
}

class ModelHostTest : public ::testing::Test {
 protected:
  /// Waits at most 5 seconds.
  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  }

  std::atomic<int> loaded_ = 0;
  FakeModel first_{loaded_}, second_{loaded_};
};

TEST_F(ModelHostTest, LoadsOnceAndKeepsTheModel) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration registration(host, first_, 60 * kMegabyte);
  for (int i = 0; i < 3; ++i) {
    int ran = 0;
    host.admit(registration, work_of(10), "")->run([&] {
      EXPECT_TRUE(first_.is_loaded);
      ++ran;
    });
    EXPECT_EQ(ran, 1);
  }
  EXPECT_EQ(first_.loads, 1);
  EXPECT_EQ(host.memory_budget().held().total(), 60 * kMegabyte) << "the weights stay";
}

TEST_F(ModelHostTest, WiresMemoryOnlyWhileAJobRuns) {
  std::vector<std::uint64_t> limits;
  ModelHost host({.wired_bytes = 70 * kMegabyte,
                  .set_wired_limit = [&](std::uint64_t bytes) { limits.push_back(bytes); }});
  ModelRegistration registration(host, first_, 60 * kMegabyte);
  const std::vector<std::uint64_t> held_and_let_go = {70 * kMegabyte, 0};
  const auto run = [&](const std::function<void()>& job) {
    limits.clear();
    host.admit(registration, work_of(10), "")->run([&] {
      EXPECT_EQ(limits, std::vector{70 * kMegabyte}) << "while it runs";
      job();
    });
  };
  run([] {});
  EXPECT_EQ(limits, held_and_let_go);
  EXPECT_THROW(run([] { throw std::runtime_error("no"); }), Error);
  EXPECT_EQ(limits, held_and_let_go) << "after an error";
  EXPECT_THROW(run([] { throw_cancelled(); }), Error);
  EXPECT_EQ(limits, held_and_let_go) << "after a stop";
}

TEST_F(ModelHostTest, NothingIsWiredWhileAnotherModelIsLoaded) {
  std::vector<std::uint64_t> limits;
  ModelHost host({.wired_bytes = 70 * kMegabyte,
                  .set_wired_limit = [&](std::uint64_t bytes) { limits.push_back(bytes); }});
  ModelRegistration registration(host, first_, 60 * kMegabyte);
  {
    ModelRegistration other(host, second_, 60 * kMegabyte);
    host.admit(other, work_of(10), "")->run([] {});
    limits.clear();
    host.admit(registration, work_of(10), "")->run([] {});
    EXPECT_TRUE(limits.empty()) << "both are loaded";
  }
  host.admit(registration, work_of(10), "")->run([] {});
  EXPECT_EQ(limits.size(), 2u) << "the other has gone";
}

TEST_F(ModelHostTest, WithoutAGpuNothingIsWired) {
  ModelHost host({.set_wired_limit = [](std::uint64_t) { ADD_FAILURE(); }});
  ModelRegistration registration(host, first_, 60 * kMegabyte);
  host.admit(registration, work_of(10), "")->run([] {});
}

TEST_F(ModelHostTest, UnloadsALargeModelBeforeTheOtherIsLoaded) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte), b(host, second_, 50 * kMegabyte);
  for (int i = 0; i < 3; ++i) {
    host.admit(a, work_of(20), "")->run([&] { EXPECT_EQ(loaded_, 1); });
    host.admit(b, work_of(20), "")->run([&] { EXPECT_EQ(loaded_, 1); });
  }
  EXPECT_EQ(first_.loads, 3);
  EXPECT_LE(host.memory_budget().peak_bytes(), 100 * kMegabyte);
}

TEST_F(ModelHostTest, OneAtATimeHoldsEvenIfBothFit) {
  ModelHost host({.budget_bytes = 200 * kMegabyte, .one_at_a_time = true});
  ModelRegistration a(host, first_, 60 * kMegabyte), b(host, second_, 50 * kMegabyte);
  host.admit(a, work_of(1), "")->run([] {});
  host.admit(b, work_of(1), "")->run([&] { EXPECT_EQ(loaded_, 1); });
  // Also not while the other one is in use.
  auto use = host.admit(a, work_of(1), "");
  std::atomic<bool> admitted = false;
  JoiningThread other([&] {
    const auto second = host.admit(b, work_of(1), "");
    admitted = true;
    second->run([&] { EXPECT_EQ(loaded_, 1); });
  });
  EXPECT_TRUE(eventually([&] { return host.memory_budget().counts().waited > 0; }));
  use->run([&] { EXPECT_EQ(loaded_, 1); });
  EXPECT_FALSE(admitted);
  use.reset();
  other.join();
  EXPECT_TRUE(admitted);
}

TEST_F(ModelHostTest, AWaiterForTheModelThreadCanBeStopped) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration a(host, first_, 40 * kMegabyte), b(host, second_, 50 * kMegabyte);
  host.admit(b, work_of(1), "")->run([] {});
  std::atomic<bool> begun = false, over = false;
  JoiningThread busy([&] {
    host.admit(a, work_of(1), "")->run([&] {
      begun = true;
      while (!over) std::this_thread::yield();
    });
  });
  while (!begun) std::this_thread::yield();
  StopSource stop;
  std::atomic<int> cancelled = 0;
  const auto count_cancelled = [&](const std::function<void()>& job) {
    try {
      job();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) ++cancelled;
    }
  };
  std::vector<JoiningThread> waiting;
  waiting.emplace_back([&] {  // its job is next
    count_cancelled([&] {
      host.admit(a, work_of(1), "")->run([] { ADD_FAILURE() << "it was run"; }, stop.get_token());
    });
  });
  waiting.emplace_back([&] {  // the second model would have to be unloaded first
    count_cancelled([&] { host.admit(a, work_of(30), "", stop.get_token()); });
  });
  std::this_thread::sleep_for(50ms);
  stop.request_stop();
  waiting.clear();
  EXPECT_EQ(cancelled, 2);
  over = true;
  busy.join();
  EXPECT_TRUE(second_.is_loaded);
  EXPECT_EQ(host.memory_budget().held().total(), 90 * kMegabyte) << "both models stay";
  host.admit(b, work_of(10), "")->run([] {});
  EXPECT_EQ(second_.loads, 1);
}

TEST_F(ModelHostTest, BothStayIfBothFit) {
  ModelHost host({.budget_bytes = 200 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte), b(host, second_, 50 * kMegabyte);
  for (int i = 0; i < 3; ++i) {
    host.admit(a, work_of(20), "")->run([] {});
    host.admit(b, work_of(20), "")->run([] {});
  }
  EXPECT_EQ(first_.loads, 1);
  EXPECT_EQ(second_.loads, 1);
}

TEST_F(ModelHostTest, TheHostWorksAfterARefusal) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  EXPECT_FALSE(host.fits_budget(a, work_of(50)));
  try {
    host.admit(a, work_of(50), "lower --max-tokens");
    FAIL() << "it was admitted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
    EXPECT_EQ(error.hint(), "lower --max-tokens");
  }
  EXPECT_EQ(host.memory_budget().counts().waited, 0u);
  host.admit(a, work_of(40), "")->run([] {});
}

TEST_F(ModelHostTest, WorkWithoutAModelEvictsIdleModels) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  host.admit(a, work_of(10), "")->run([] {});
  EXPECT_EQ(host.loads(), 1u);
  const budget::Reservation picture = host.reserve(work_of(50), "");
  EXPECT_FALSE(first_.is_loaded);
  EXPECT_THROW(host.reserve(work_of(51), "", {}, &picture), Error);
}

TEST_F(ModelHostTest, DoesNotReserveHeldBytesTwice) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  const budget::Reservation picture = host.reserve(work_of(30), "");
  host.admit(a, work_of(40), "", {}, &picture)->run([] {});
  EXPECT_EQ(host.memory_budget().peak_bytes(), 100 * kMegabyte);
  EXPECT_THROW(host.admit(a, work_of(41), "", {}, &picture), Error);
}

TEST_F(ModelHostTest, WorkOnAModelSharesTheLargestWorkspace) {
  ModelHost host({.budget_bytes = 100 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  const auto held = [&] { return host.memory_budget().held().total() / kMegabyte; };
  auto small = host.admit(a, {work_of(3), work_of(10)}, "");
  EXPECT_EQ(held(), 60u + 13);
  auto large = host.admit(a, {work_of(2), work_of(20)}, "");
  EXPECT_EQ(held(), 60u + 3 + 2 + 20);
  auto middle = host.admit(a, {work_of(1), work_of(15)}, "");
  EXPECT_EQ(held(), 60u + 3 + 2 + 1 + 20);
  large.reset();
  EXPECT_EQ(held(), 60u + 3 + 1 + 15);
  middle.reset();
  EXPECT_EQ(held(), 60u + 13);
  // Does not wait: the workspace that the others share suffices.
  auto again = host.admit(a, {work_of(27), work_of(10)}, "");
  EXPECT_EQ(held(), 100u);
  small.reset();
  again.reset();
  EXPECT_EQ(held(), 60u);
  EXPECT_THROW(host.admit(a, {work_of(31), work_of(10)}, ""), Error);
}

TEST_F(ModelHostTest, RetriesAModelThatCouldNotBeLoaded) {
  ModelHost host({});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  first_.broken = true;
  EXPECT_THROW(host.admit(a, work_of(1), "")->run([] {}), Error);
  first_.broken = false;
  host.admit(a, work_of(1), "")->run([] {});
  EXPECT_EQ(first_.loads, 1);
}

TEST_F(ModelHostTest, ReloadsAModelWhoseFilesHaveChanged) {
  ModelHost host({});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  host.admit(a, work_of(1), "")->run([] {});
  first_.current = false;
  host.admit(a, work_of(1), "")->run([&] { first_.current = true; });
  host.admit(a, work_of(1), "")->run([] {});
  EXPECT_EQ(first_.loads, 2);
}

TEST_F(ModelHostTest, ReportsChangedFilesWhenAJobFails) {
  ModelHost host({});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  const auto code_of_failure = [&](bool changes) {
    try {
      host.admit(a, work_of(1), "")->run([&] {
        first_.current = !changes;
        throw std::runtime_error("command buffer failed");
      });
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("command buffer failed"), std::string::npos);
      return error.code();
    }
    return ErrorCode::kUsage;
  };
  EXPECT_EQ(code_of_failure(false), ErrorCode::kFailed);
  EXPECT_EQ(code_of_failure(true), ErrorCode::kBadModel);
}

TEST_F(ModelHostTest, UnloadsAModelAfterTheIdleTimeout) {
  ModelHost host({.idle_timeout = 50ms, .watch_interval = 10ms});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  {
    const auto use = host.admit(a, work_of(1), "");
    use->run([] {});
    std::this_thread::sleep_for(150ms);
    EXPECT_TRUE(first_.is_loaded) << "it is in use";
  }
  EXPECT_TRUE(eventually([&] { return !first_.is_loaded; }));
  EXPECT_TRUE(eventually([&] { return host.memory_budget().held().total() == 0; }));
}

TEST_F(ModelHostTest, PressureUnloadsIdleModels) {
  const auto probe = std::make_shared<ScriptedProbe>();
  ModelHost host({.probe = probe, .watch_interval = 10ms});
  ModelRegistration a(host, first_, 60 * kMegabyte), b(host, second_, 50 * kMegabyte);
  host.admit(a, work_of(1), "")->run([] {});
  const auto use = host.admit(b, work_of(1), "");
  use->run([] {});
  probe->pressure = Pressure::kWarning;
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(first_.is_loaded) << "used a moment ago";
  probe->pressure = Pressure::kCritical;
  EXPECT_TRUE(eventually([&] { return !first_.is_loaded; }));
  EXPECT_TRUE(second_.is_loaded) << "in use";
}

TEST_F(ModelHostTest, PressureEvictsCachesBeforeModels) {
  const auto probe = std::make_shared<ScriptedProbe>();
  ModelHost host({.probe = probe, .watch_interval = 5ms});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  host.admit(a, work_of(1), "")->run([] {});
  FakeCache cache(host, 20);
  probe->pressure = Pressure::kWarning;
  EXPECT_TRUE(eventually([&] { return !cache.is_full; })) << "though it was used a moment ago";
  EXPECT_TRUE(first_.is_loaded);
}

TEST_F(ModelHostTest, ACacheIsEvictedAfterTheIdleTimeout) {
  ModelHost host({.idle_timeout = 20ms, .watch_interval = 5ms});
  FakeCache cache(host, 20);
  EXPECT_TRUE(eventually([&] { return !cache.is_full; }));
}

TEST_F(ModelHostTest, ARequestEvictsCachesBeforeTheOtherModel) {
  ModelHost host({.budget_bytes = 140 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte), b(host, second_, 40 * kMegabyte);
  host.admit(a, work_of(1), "")->run([] {});
  FakeCache cache(host, 20);
  host.admit(b, work_of(30), "")->run([] {});
  EXPECT_FALSE(cache.is_full);
  EXPECT_TRUE(first_.is_loaded);
  host.admit(b, work_of(50), "")->run([] {});
  EXPECT_FALSE(first_.is_loaded);
}

TEST_F(ModelHostTest, AFixedReservationIsNotWaitedFor) {
  ModelHost host({.budget_bytes = 100 * kMegabyte, .fixed_overhead_bytes = 10 * kMegabyte});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  const FixedReservation reader(host, 20 * kMegabyte, "");
  EXPECT_EQ(host.memory_budget().held()[Tag::kRuntime], 30 * kMegabyte);
  const budget::Reservation active = host.reserve(work_of(5), "");
  StopSource stop;
  JoiningThread deadline([&](const StopToken& done) {
    while (!done.stop_requested() && host.memory_budget().counts().waited == 0) {
      std::this_thread::sleep_for(1ms);
    }
    stop.request_stop();
  });
  try {
    host.admit(a, work_of(20), "", stop.get_token());
    FAIL() << "it was admitted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
  }
}

TEST_F(ModelHostTest, ManyThreadsShareTheBudgetWithoutDeadlock) {
  ModelHost host({.budget_bytes = 100 * kMegabyte, .idle_timeout = 1ms, .watch_interval = 1ms});
  ModelRegistration a(host, first_, 60 * kMegabyte), b(host, second_, 50 * kMegabyte);
  std::vector<JoiningThread> threads;
  threads.reserve(6);
  std::atomic<int> done = 0;
  for (unsigned seed = 0; seed < 6; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 100; ++i) {
        FakeModel& model = random() % 2 == 0 ? first_ : second_;
        ModelRegistration& registration = &model == &first_ ? a : b;
        host.admit(registration, work_of(1 + random() % 39), "")->run([&] {
          EXPECT_TRUE(model.is_loaded);
          EXPECT_EQ(loaded_, 1) << "both do not fit";
          ++done;
        });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(done, 600);
  EXPECT_LE(host.memory_budget().peak_bytes(), 100 * kMegabyte);
}

TEST_F(ModelHostTest, AModelMayBeDestroyedWhileOthersWork) {
  ModelHost host({.budget_bytes = 100 * kMegabyte, .idle_timeout = 1ms, .watch_interval = 1ms});
  ModelRegistration a(host, first_, 60 * kMegabyte);
  JoiningThread other([&] {
    for (int i = 0; i < 50; ++i) host.admit(a, work_of(10), "")->run([] {});
  });
  for (int i = 0; i < 50; ++i) {
    ModelRegistration b(host, second_, 50 * kMegabyte);
    host.admit(b, work_of(10), "")->run([] {});
  }
  other.join();
  EXPECT_FALSE(second_.is_loaded);
}

}  // namespace
}  // namespace oko::engine

#include "server/model_lifetimes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using Clock = ModelLifetimes::Clock;

/// Waits for what another thread unloads.
struct Unloaded {
  void add(const std::filesystem::path& model) {
    const MutexLock lock(mutex);
    models.push_back(model);
    changed.notify_all();
  }
  void wait_for(std::size_t count) {
    const MutexLock lock(mutex);
    changed.wait(mutex, [&] { return models.size() >= count; });
  }
  std::size_t count() {
    const MutexLock lock(mutex);
    return models.size();
  }

  Mutex mutex;
  ConditionVariable changed;
  std::vector<std::filesystem::path> models;
};

TEST(ModelLifetimes, UnloadsAfterTheLastUse) {
  Unloaded unloaded;
  ModelLifetimes lifetimes(hours(1), [&](const auto& model) { unloaded.add(model); });
  auto first = lifetimes.use("a"), second = lifetimes.use("a");
  lifetimes.keep("a", milliseconds(0));
  lifetimes.keep("b", hours(2));
  first.reset();
  EXPECT_EQ(unloaded.count(), 0u) << "it is in use";
  second.reset();
  unloaded.wait_for(1);
  EXPECT_EQ(unloaded.models, std::vector<std::filesystem::path>{"a"});
  lifetimes.use("a");
  lifetimes.keep("a", milliseconds(20));
  unloaded.wait_for(2);
}

TEST(ModelLifetimes, TellsWhenAModelGoes) {
  ModelLifetimes lifetimes(hours(1), [](const auto&) {});
  EXPECT_FALSE(lifetimes.end_of("a"));
  const auto use = lifetimes.use("a");
  const Clock::time_point before = Clock::now();
  EXPECT_GE(*lifetimes.end_of("a"), before + hours(1));
  lifetimes.keep("a", std::chrono::minutes(10));
  const Clock::time_point soon = *lifetimes.end_of("a");
  EXPECT_LE(soon, Clock::now() + std::chrono::minutes(10));
  lifetimes.keep("a", hours(5));
  const Clock::time_point end = *lifetimes.end_of("a");
  EXPECT_LE(end, Clock::now() + hours(1)) << "the host evicts it earlier";
}

}  // namespace
}  // namespace oko::server

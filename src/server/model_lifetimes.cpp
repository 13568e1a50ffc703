#include "server/model_lifetimes.h"

#include <algorithm>
#include <utility>

namespace oko::server {

ModelLifetimes::ModelLifetimes(std::chrono::milliseconds usual,
                               std::function<void(const std::filesystem::path&)> unload)
    : usual_(usual),
      unload_(std::move(unload)),
      watcher_([this](const StopToken& stop) { watch(stop); }) {}

std::shared_ptr<void> ModelLifetimes::use(const std::filesystem::path& model) {
  const MutexLock lock(mutex_);
  ++lives_[model].uses;
  return {nullptr, [this, model](void*) { end_use(model); }};
}

void ModelLifetimes::keep(const std::filesystem::path& model,
                          std::optional<std::chrono::milliseconds> time) {
  if (time && usual_.count() > 0) time = std::min(*time, usual_);
  const MutexLock lock(mutex_);
  const auto [life, is_new] = lives_.try_emplace(model);
  if (is_new) life->second.last_use = Clock::now();
  life->second.time = time;
  has_changed_ = true;
  changed_.notify_all();
}

std::optional<ModelLifetimes::Clock::time_point> ModelLifetimes::end_of(
    const std::filesystem::path& model) const {
  const MutexLock lock(mutex_);
  const auto life = lives_.find(model);
  if (life == lives_.end()) return std::nullopt;
  const std::chrono::milliseconds time = life->second.time.value_or(usual_);
  if (!life->second.time && usual_.count() == 0) return std::nullopt;
  return (life->second.uses > 0 ? Clock::now() : life->second.last_use) + time;
}

void ModelLifetimes::end_use(const std::filesystem::path& model) {
  const MutexLock lock(mutex_);
  Life& life = lives_[model];
  --life.uses;
  life.last_use = Clock::now();
  has_changed_ = true;
  changed_.notify_all();
}

std::optional<std::filesystem::path> ModelLifetimes::take_ended(
    std::optional<Clock::time_point>& next) {
  for (auto& [model, life] : lives_) {
    if (!life.time || life.uses > 0) continue;
    const Clock::time_point end = life.last_use + *life.time;
    if (end <= Clock::now()) {
      life.time.reset();
      return model;
    }
    next = std::min(next.value_or(end), end);
  }
  return std::nullopt;
}

void ModelLifetimes::watch(const StopToken& stop) {
  while (!stop.stop_requested()) {
    std::optional<std::filesystem::path> ended;
    {
      const MutexLock lock(mutex_);
      has_changed_ = false;
      std::optional<Clock::time_point> next;
      ended = take_ended(next);
      const auto has_changed = [this]() OKO_REQUIRES(mutex_) { return has_changed_; };
      if (!ended && next) {
        changed_.wait_for(mutex_, stop, *next - Clock::now(), has_changed);
      } else if (!ended) {
        changed_.wait(mutex_, stop, has_changed);
      }
    }
    if (ended) unload_(*ended);
  }
}

}  // namespace oko::server

#include "engine/model_host.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/language.h"

namespace oko::engine {

using budget::Pressure;
using budget::Tag;
using budget::TagBytes;

namespace {

/// Under a warning, models idle for so long go.
constexpr std::chrono::seconds kIdleUnderWarning{10};

/// Keeps what the GPU uses in memory while it lives: macOS takes it after about a second without
/// work, and maps it again at 35 ms a gigabyte. An idle process holds nothing.
class WiredMemory {
 public:
  explicit WiredMemory(const HostOptions& options) : options_(options) {
    options_.set_wired_limit(options_.wired_bytes);
  }
  ~WiredMemory() { options_.set_wired_limit(0); }
  WiredMemory(const WiredMemory&) = delete;
  WiredMemory& operator=(const WiredMemory&) = delete;

 private:
  const HostOptions& options_;
};

}  // namespace

struct ModelHost::Entry {
  Resident& model;
  std::uint64_t weight_bytes;
  // Under the host's mutex.
  std::size_t users = 0;
  Clock::time_point last_used = Clock::now();
  budget::Lease weights = {};  ///< held while the model is loaded, or promised to be
  // Touched by the model thread only.
  bool loaded = false;
  bool gone = false;  ///< with its place: `model` is no more

  bool is_promised() const { return weights.bytes().total() > 0; }
};

namespace {

/// As weights that nobody can unload.
TagBytes lasting(std::uint64_t bytes) {
  TagBytes lasting;
  lasting[Tag::kWeights] = bytes;
  return lasting;
}

}  // namespace

ModelHost::ModelHost(HostOptions options)
    : options_(std::move(options)),
      ledger_(std::max(options_.budget_bytes, options_.beside_bytes)),
      beside_bytes_(options_.beside_bytes),
      thread_(options_.threads) {
  beside_ = ledger_.take({.wanted = [this] { return lasting(options_.beside_bytes); }});
  if (options_.probe != nullptr || options_.idle_timeout.count() > 0) {
    watcher_ = JoiningThread([this](const StopToken& stop) { watch(stop); });
  }
}

ModelHost::~ModelHost() = default;

ModelHost::Place::Place(ModelHost& host, Resident& model, std::uint64_t weight_bytes)
    : host_(host), entry_(new Entry{model, weight_bytes}) {
  const std::lock_guard lock(host.mutex_);
  host.entries_.push_back(entry_);
}

ModelHost::Place::~Place() {
  budget::Lease weights;
  {
    const std::lock_guard lock(host_.mutex_);
    std::erase(host_.entries_, entry_);
    ++host_.evictions_;
    weights = std::exchange(entry_->weights, {});
  }
  // MLX's arrays are given back by the thread that made them.
  host_.thread_.run([&] {
    entry_->model.unload();
    entry_->gone = true;
  });
  host_.end_eviction(weights);
}

std::uint64_t ModelHost::Place::weight_bytes() const {
  return entry_->weight_bytes;
}

std::unique_ptr<ModelHost::Use> ModelHost::admit(Place& place, const TagBytes& work,
                                                 const std::string& hint, const StopToken& stop,
                                                 const budget::Lease* holding) {
  Entry& entry = *place.entry_;
  std::unique_ptr<Use> use(new Use(*this));
  TagBytes weights;
  weights[Tag::kWeights] = entry.weight_bytes;
  budget::Ledger::Ask ask;
  ask.hint = hint;
  ask.holding = holding;
  ask.wanted = [&] {
    const std::lock_guard lock(mutex_);
    TagBytes bytes = work;
    if (holding != nullptr) bytes.lower_by(holding->bytes());
    if (!entry.is_promised()) bytes += weights;
    return bytes;
  };
  ask.evict = [&](const StopToken& cancel) { return evict(&entry, cancel); };
  if (options_.one_at_a_time) ask.ready = [&] { return is_alone(entry, stop); };
  ask.granted = [&](budget::Lease& lease) {
    const std::lock_guard lock(mutex_);
    if (!entry.is_promised()) {
      // `watch` may have unloaded it since its weights were not asked for.
      if (lease.bytes()[Tag::kWeights] < entry.weight_bytes) return false;
      entry.weights = lease.split(weights);
    }
    ++entry.users;
    use->entry_ = place.entry_;
    return true;
  };
  use->lease_ = ledger_.take(ask, stop);
  return use;
}

budget::Lease ModelHost::lease(const TagBytes& work, const std::string& hint, StopToken stop,
                               const budget::Lease* holding) {
  return ledger_.take({.wanted = [&] { return work; },
                       .evict = [&](const StopToken& cancel) { return evict(nullptr, cancel); },
                       .hint = hint,
                       .holding = holding},
                      std::move(stop));
}

bool ModelHost::could_fit(const Place& place, const TagBytes& work) const {
  return budget_for(place, work) <= options_.budget_bytes;
}

std::uint64_t ModelHost::budget_for(const Place& place, const TagBytes& work) const {
  return work.total() + place.entry_->weight_bytes + beside_bytes_;
}

ModelHost::Beside::Beside(ModelHost& host, std::uint64_t bytes, const std::string& hint,
                          const StopToken& stop)
    : host_(host), lease_(host.lease(lasting(bytes), hint, stop)) {
  host_.beside_bytes_ += bytes;
}

ModelHost::Beside::~Beside() {
  host_.beside_bytes_ -= lease_.bytes().total();
}

ModelHost::Use::~Use() {
  if (entry_ == nullptr) return;
  {
    const std::lock_guard lock(host_.mutex_);
    --entry_->users;
    entry_->last_used = Clock::now();
  }
  lease_.release();  // whoever waits for it finds the model idle
}

void ModelHost::Use::run(const std::function<void()>& job, const StopToken& stop) {
  const auto run_with_model = [&] {
    if (entry_->loaded && !entry_->model.is_current()) {
      entry_->model.unload();
      entry_->loaded = false;
    }
    if (!entry_->loaded) {
      entry_->model.load();
      entry_->loaded = true;
      ++host_.loads_;
    }
    // MLX wires every buffer that it has, so an idle model's weights would be read in, too.
    std::optional<WiredMemory> wired;
    if (host_.options_.wired_bytes > 0 && host_.is_only_loaded(*entry_)) {
      wired.emplace(host_.options_);
    }
    try {
      job();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {  // a GPU that reads past a file's end says little
      if (entry_->model.is_current()) throw;
      const std::string reason = error.what();
      throw Error(
          ErrorCode::kBadModel,
          tr("the model's files were changed while it ran ({})",
             "файлы модели изменились, пока она работала ({})", reason),
          tr("try again, or download the model again", "повторите или скачайте модель заново"));
    }
  };
  host_.thread_.run(run_with_model, stop);
}

bool ModelHost::is_only_loaded(const Entry& entry) {
  const std::lock_guard lock(mutex_);
  return std::none_of(entries_.begin(), entries_.end(),
                      [&](const auto& other) { return other.get() != &entry && other->loaded; });
}

bool ModelHost::is_alone(const Entry& entry, const StopToken& stop) {
  std::unique_lock lock(mutex_);
  if (!evicted_.wait(lock, stop, [&] { return evictions_ == 0; })) throw_cancelled();
  return std::none_of(entries_.begin(), entries_.end(), [&](const auto& other) {
    return other.get() != &entry && other->is_promised();
  });
}

bool ModelHost::evict(const Entry* except, const StopToken& stop, Clock::time_point before) {
  std::shared_ptr<Entry> victim;
  budget::Lease weights;
  {
    std::unique_lock lock(mutex_);
    for (const std::shared_ptr<Entry>& entry : entries_) {
      const bool idle = entry->users == 0 && entry->is_promised() && entry->last_used < before;
      if (!idle || entry.get() == except) continue;
      if (victim == nullptr || entry->last_used < victim->last_used) victim = entry;
    }
    if (victim == nullptr) {
      // What another thread is unloading is as good.
      const bool others = evictions_ > 0;
      if (!evicted_.wait(lock, stop, [&] { return evictions_ == 0; })) throw_cancelled();
      return others;
    }
    ++evictions_;
    weights = std::exchange(victim->weights, {});
  }
  const auto unload = [&] {
    {
      const std::lock_guard lock(mutex_);
      if (victim->users > 0) return;  // admitted again since, with a lease of its own
    }
    if (!victim->gone) victim->model.unload();
    victim->loaded = false;
  };
  try {
    thread_.run(unload, stop);
  } catch (...) {  // cancelled: the model stays, unless its place has gone
    {
      const std::lock_guard lock(mutex_);
      const bool has_place = std::find(entries_.begin(), entries_.end(), victim) != entries_.end();
      if (has_place && !victim->is_promised()) victim->weights = std::move(weights);
    }
    end_eviction(weights);
    throw;
  }
  end_eviction(weights);
  return true;
}

void ModelHost::end_eviction(budget::Lease& weights) {
  weights.release();
  const std::lock_guard lock(mutex_);
  --evictions_;
  evicted_.notify_all();
}

void ModelHost::watch(const StopToken& stop) {
  std::mutex mutex;
  while (true) {
    std::unique_lock lock(mutex);
    if (watch_wake_.wait_for(lock, stop, options_.watch_interval, [] { return false; }) ||
        stop.stop_requested()) {
      return;
    }
    const Clock::time_point now = Clock::now();
    Clock::time_point before = Clock::time_point::min();
    if (options_.idle_timeout.count() > 0) before = now - options_.idle_timeout;
    const Pressure pressure =
        options_.probe != nullptr ? options_.probe->status().pressure : Pressure::kNormal;
    if (pressure == Pressure::kWarning) before = std::max(before, now - kIdleUnderWarning);
    if (pressure == Pressure::kCritical) before = now;
    try {
      while (evict(nullptr, stop, before)) {
      }
    } catch (const Error&) {  // cancelled
      return;
    }
  }
}

}  // namespace oko::engine

#include "engine/model_host.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko::engine {

using budget::EvictionOrder;
using budget::Pressure;
using budget::Tag;
using budget::TagBytes;
using TimePoint = budget::Evictable::Clock::time_point;

namespace {

/// Idle time after which models are unloaded under a memory-pressure warning. Caches are evicted at
/// once.
constexpr std::chrono::seconds kIdleUnderWarning{10};

}  // namespace

/// A model's slot in the host. Its states:
///
///     unreserved --- admit ---> reserved --- load ---> loaded
///         ^                        |                   |    ^
///         +------- evict ----------+------ evict ------+    | load: the files have changed
///                                                      +----+
///
/// `weights` tells reserved from unreserved, `loaded` the rest. A slot with `users` is in use: it
/// is never evicted. Without them it is idle since `last_used`.
struct ModelSlot final : budget::Evictable {
  ModelSlot(ModelHost& owner, LoadableModel& loadable, std::uint64_t bytes)
      : host(owner), model(loadable), weight_bytes(bytes), evictable(owner.memory_budget_, *this) {}

  EvictionOrder order() const override { return EvictionOrder::kIdleModel; }
  std::optional<TimePoint> idle_since() const override;
  bool evict(std::uint64_t bytes, const StopToken& stop) override;

  bool has_weights() const OKO_REQUIRES(host.mutex_) { return weights.bytes().total() > 0; }

  /// The part of `workspace` that the other leases do not need when one with `bytes` ends.
  budget::Reservation end_workspace(std::uint64_t bytes) OKO_REQUIRES(host.mutex_) {
    workspaces.erase(workspaces.find(bytes));
    std::uint64_t spare = workspace.bytes().total();
    if (!workspaces.empty()) spare -= std::min(spare, *workspaces.rbegin());
    TagBytes part = workspace.bytes();
    for (std::size_t tag = 0; tag < budget::kTagCount; ++tag) {
      auto& of_tag = part[static_cast<Tag>(tag)];
      of_tag = std::min(of_tag, spare);
      spare -= of_tag;
    }
    return part.total() > 0 ? workspace.split(part) : budget::Reservation();
  }

  ModelHost& host;
  LoadableModel& model;
  const std::uint64_t weight_bytes;
  std::size_t users OKO_GUARDED_BY(host.mutex_) = 0;
  TimePoint last_used OKO_GUARDED_BY(host.mutex_) = Clock::now();
  /// Held from admission until the model is unloaded.
  budget::Reservation weights OKO_GUARDED_BY(host.mutex_) = {};
  /// The largest of those of its leases.
  budget::Reservation workspace OKO_GUARDED_BY(host.mutex_) = {};
  /// Bytes, of every lease.
  std::multiset<std::uint64_t> workspaces OKO_GUARDED_BY(host.mutex_) = {};
  // Touched by the model thread only.
  bool loaded = false;

  budget::EvictableRegistration evictable;  // last: it waits for an eviction
};

std::optional<TimePoint> ModelSlot::idle_since() const {
  const MutexLock lock(host.mutex_);
  if (users > 0 || !has_weights()) return std::nullopt;
  return last_used;
}

bool ModelSlot::evict(std::uint64_t, const StopToken& stop) {
  budget::Reservation freed;
  host.scheduler_.run(
      [&] {
        {
          const MutexLock lock(host.mutex_);
          if (users > 0 || !has_weights()) return;  // admitted again, or unregistered
          freed = std::exchange(weights, {});
        }
        model.unload();
        loaded = false;
      },
      stop);
  return freed.bytes().total() > 0;
}

namespace {

/// Fixed overhead of `bytes`.
TagBytes overhead_of(std::uint64_t bytes) {
  TagBytes overhead;
  overhead[Tag::kRuntime] = bytes;
  return overhead;
}

}  // namespace

ModelHost::ModelHost(HostOptions options)
    : options_(std::move(options)),
      memory_budget_(std::max(options_.budget_bytes, options_.fixed_overhead_bytes)),
      fixed_overhead_bytes_(options_.fixed_overhead_bytes),
      scheduler_(options_.threads) {
  fixed_overhead_ =
      memory_budget_.reserve({.size = [this] { return overhead_of(options_.fixed_overhead_bytes); },
                              .lifetime = budget::Lifetime::kResident});
  if (options_.probe != nullptr || options_.idle_timeout.count() > 0) {
    watcher_ = JoiningThread([this](const StopToken& stop) { watch(stop); });
  }
}

ModelHost::~ModelHost() = default;

ModelRegistration::ModelRegistration(ModelHost& host, LoadableModel& model,
                                     std::uint64_t weight_bytes)
    : host_(host), slot_(std::make_shared<ModelSlot>(host, model, weight_bytes)) {
  const MutexLock lock(host.mutex_);
  host.slots_.push_back(slot_);
}

ModelRegistration::~ModelRegistration() {
  host_.memory_budget_.evict(slot_->evictable);
  const MutexLock lock(host_.mutex_);
  std::erase(host_.slots_, slot_);
}

std::uint64_t ModelRegistration::weight_bytes() const {
  return slot_->weight_bytes;
}

bool ModelRegistration::is_resident() const {
  const MutexLock lock(slot_->host.mutex_);
  return slot_->has_weights();
}

std::unique_ptr<ModelLease> ModelHost::admit(ModelRegistration& registration,
                                             const WorkMemory& work, const LocalizedText& hint,
                                             const StopToken& stop,
                                             const budget::Reservation* already_held) {
  ModelSlot& slot = *registration.slot_;
  std::unique_ptr<ModelLease> lease(new ModelLease(*this));
  TagBytes weights, more_workspace;
  weights[Tag::kWeights] = slot.weight_bytes;
  budget::ReserveRequest request;
  request.hint = hint;
  request.already_held = already_held;
  request.size = [&] {
    const MutexLock lock(slot.host.mutex_);
    TagBytes bytes = work.own;
    if (already_held != nullptr) bytes.subtract_saturating(already_held->bytes());
    if (!slot.has_weights()) bytes += weights;
    more_workspace = work.workspace;
    more_workspace.subtract_saturating(slot.workspace.bytes());
    bytes += more_workspace;
    return bytes;
  };
  request.keep = &slot.evictable;
  if (options_.one_at_a_time) {
    request.can_grant = [&] {
      memory_budget_.evict_idle(EvictionOrder::kIdleModel, TimePoint::max(), stop, &slot.evictable);
      return is_alone(slot);
    };
  }
  request.on_grant = [&](budget::Reservation& reservation) {
    budget::Reservation for_model;
    if (reservation.bytes()[Tag::kWeights] > 0) {
      for_model = reservation.split(weights, slot.evictable);
    }
    const MutexLock lock(slot.host.mutex_);
    // Work that has ended since the size was evaluated may have released its workspace.
    TagBytes missing = work.workspace;
    missing.subtract_saturating(slot.workspace.bytes());
    if (missing.total() > more_workspace.total()) return false;
    if (!slot.has_weights()) {
      // `watch` may have unloaded the model since the size was evaluated.
      if (for_model.bytes() != weights) return false;
      slot.weights = std::move(for_model);
    }
    slot.workspace.merge(reservation.split(missing));
    lease->workspace_bytes_ = work.workspace.total();
    slot.workspaces.insert(lease->workspace_bytes_);
    ++slot.users;
    lease->slot_ = registration.slot_;
    return true;
  };
  lease->reservation_ = memory_budget_.reserve(request, stop);
  return lease;
}

budget::Reservation ModelHost::reserve(const TagBytes& work, const LocalizedText& hint,
                                       StopToken stop, const budget::Reservation* already_held) {
  return memory_budget_.reserve(
      {.size = [&] { return work; }, .hint = hint, .already_held = already_held}, std::move(stop));
}

bool ModelHost::fits_budget(const ModelRegistration& registration, const TagBytes& work) const {
  return budget_for(registration, work) <= options_.budget_bytes;
}

std::uint64_t ModelHost::budget_for(const ModelRegistration& registration,
                                    const TagBytes& work) const {
  return work.total() + registration.slot_->weight_bytes + fixed_overhead_bytes_;
}

FixedReservation::FixedReservation(ModelHost& host, std::uint64_t bytes, const LocalizedText& hint,
                                   const StopToken& stop)
    : host_(host),
      reservation_(host.memory_budget_.reserve({.size = [&] { return overhead_of(bytes); },
                                                .lifetime = budget::Lifetime::kResident,
                                                .hint = hint},
                                               stop)) {
  host_.fixed_overhead_bytes_ += bytes;
}

FixedReservation::~FixedReservation() {
  host_.fixed_overhead_bytes_ -= reservation_.bytes().total();
}

ModelLease::~ModelLease() {
  if (slot_ == nullptr) return;
  budget::Reservation spare;
  {
    const MutexLock lock(slot_->host.mutex_);
    spare = slot_->end_workspace(workspace_bytes_);
    --slot_->users;
    slot_->last_used = ModelSlot::Clock::now();
  }
  spare.merge(std::move(reservation_));
  spare.release();  // last: a waiter that wakes up finds the model idle
}

void ModelLease::run(const std::function<void()>& job, const StopToken& stop) {
  const auto run_with_model = [&] {
    load();
    const std::shared_ptr<WiredMemory> wired = wire();
    guard(job);
  };
  host_.scheduler_.run(run_with_model, stop);
}

void ModelLease::release(const budget::TagBytes& part) {
  budget::TagBytes kept = reservation_.bytes();
  kept.subtract_saturating(part);
  budget::TagBytes gone = reservation_.bytes();
  gone -= kept;
  reservation_.split(gone).release();
}

std::optional<budget::Reservation> ModelLease::try_reserve(const TagBytes& bytes) const {
  return host_.memory_budget_.try_reserve(bytes);
}

bool ModelLease::is_current() const {
  return slot_->loaded && slot_->model.is_current();
}

void ModelLease::load() {
  if (slot_->loaded && !slot_->model.is_current()) {
    slot_->model.unload();
    slot_->loaded = false;
  }
  if (slot_->loaded) return;
  slot_->model.load();
  slot_->loaded = true;
  ++host_.loads_;
}

std::shared_ptr<WiredMemory> ModelLease::wire() {
  if (host_.options_.wired_bytes == 0) return nullptr;
  if (const auto wired = host_.wired_.lock()) return wired;
  // MLX wires all its buffers, so the weights of an idle model would be read in, too.
  if (!host_.is_only_loaded(*slot_)) return nullptr;
  auto wired = std::make_shared<WiredMemory>(host_.options_);
  host_.wired_ = wired;
  return wired;
}

void ModelLease::guard(const std::function<void()>& job) const {
  const std::shared_ptr<ModelSlot> slot = slot_;  // `job` may end this lease
  try {
    job();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // a GPU that reads past a file's end gives no reason
    const std::string reason = error.what();
    if (slot->model.is_current()) {
      throw Error(ErrorCode::kFailed,
                  tr("the model could not be run: {}", "модель не удалось выполнить: {}", reason));
    }
    throw Error(
        ErrorCode::kBadModel,
        tr("the model's files were changed while it ran ({})",
           "файлы модели изменились, пока она работала ({})", reason),
        tr("try again, or download the model again", "повторите или скачайте модель заново"));
  }
}

bool ModelHost::is_only_loaded(const ModelSlot& slot) {
  const MutexLock lock(mutex_);
  return std::none_of(slots_.begin(), slots_.end(),
                      [&](const auto& other) { return other.get() != &slot && other->loaded; });
}

bool ModelHost::is_alone(const ModelSlot& slot) {
  const MutexLock lock(mutex_);
  const auto is_another = [&](const auto& other) OKO_UNCHECKED {  // its host is this one
    return other.get() != &slot && other->has_weights();
  };
  return std::none_of(slots_.begin(), slots_.end(), is_another);
}

void ModelHost::watch(const StopToken& stop) {
  Mutex mutex;
  while (true) {
    const MutexLock lock(mutex);
    if (watch_wake_.wait_for(mutex, stop, options_.watch_interval, [] { return false; }) ||
        stop.stop_requested()) {
      return;
    }
    const TimePoint now = budget::Evictable::Clock::now();
    TimePoint before = TimePoint::min();
    if (options_.idle_timeout.count() > 0) before = now - options_.idle_timeout;
    const Pressure pressure =
        options_.probe != nullptr ? options_.probe->status().pressure : Pressure::kNormal;
    const TimePoint caches_before = pressure == Pressure::kNormal ? before : now;
    if (pressure == Pressure::kWarning) before = std::max(before, now - kIdleUnderWarning);
    if (pressure == Pressure::kCritical) before = now;
    try {
      memory_budget_.evict_idle(EvictionOrder::kGrammarCache, caches_before, stop);
      memory_budget_.evict_idle(EvictionOrder::kPrefixCache, caches_before, stop);
      memory_budget_.evict_idle(EvictionOrder::kImageCache, caches_before, stop);
      memory_budget_.evict_idle(EvictionOrder::kIdleModel, before, stop);
    } catch (const Error&) {  // cancelled
      return;
    }
  }
}

}  // namespace oko::engine

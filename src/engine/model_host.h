#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "budget/memory_budget.h"
#include "budget/memory_probe.h"
#include "engine/scheduler.h"
#include "tensor/device.h"

namespace oko::engine {

struct HostOptions {
  /// Private memory and weights together; see MemoryPlan.
  std::uint64_t budget_bytes = std::numeric_limits<std::uint64_t>::max();
  /// The part of the budget for fixed overhead (runtime, OCR engines), not for models or requests.
  std::uint64_t fixed_overhead_bytes = 0;
  std::size_t threads = 0;  ///< of the CPU kernels; 0: one a physical core
  /// Idle time after which a model or cache is evicted; 0: never.
  std::chrono::milliseconds idle_timeout{0};
  /// Never loads two models at once, even if both would fit now: for Mode::kSequential.
  bool one_at_a_time = false;
  /// Polled for memory pressure every `watch_interval`; null: not polled.
  std::shared_ptr<const budget::MemoryProbe> probe = {};
  std::chrono::milliseconds watch_interval{1000};
  /// Bytes of MLX's buffers that stay wired while a job runs and no other model is loaded: at most
  /// the memory that the GPU may keep; 0: there is no GPU.
  std::uint64_t wired_bytes = tensor::gpu_working_set_bytes();
  std::function<void(std::uint64_t)> set_wired_limit = tensor::set_wired_limit;
};

/// A model that can be unloaded while it is idle and loaded again from its mapped files. Called on
/// the model thread.
class LoadableModel {
 public:
  virtual ~LoadableModel() = default;
  virtual void load() = 0;  ///< throws kBadModel
  virtual void unload() noexcept = 0;
  /// False if the files have changed since the load: the model is then loaded again before its next
  /// use.
  virtual bool is_current() const = 0;
};

class ModelHost;
struct ModelSlot;

/// Memory of work on a model.
struct WorkMemory {
  WorkMemory(const budget::TagBytes& all) : own(all) {}  // NOLINT: work that shares nothing
  WorkMemory(const budget::TagBytes& own_bytes, const budget::TagBytes& shared)
      : own(own_bytes), workspace(shared) {}

  budget::TagBytes total() const {
    budget::TagBytes sum = own;
    sum += workspace;
    return sum;
  }

  budget::TagBytes own;  ///< as long as the lease lives
  /// The memory of a running step. One step runs at a time, so all work on a model shares the
  /// largest; of one tag, the same for all work.
  budget::TagBytes workspace = {};
};

/// RAII: makes a model known to its host; the destructor unloads it. The host must outlive it.
class ModelRegistration {
 public:
  ModelRegistration(ModelHost& host, LoadableModel& model, std::uint64_t weight_bytes);
  ~ModelRegistration();
  ModelRegistration(const ModelRegistration&) = delete;
  ModelRegistration& operator=(const ModelRegistration&) = delete;

  std::uint64_t weight_bytes() const;
  /// True from the admission of the first work until the model is evicted.
  bool is_resident() const;

 private:
  friend class ModelHost;
  ModelHost& host_;
  std::shared_ptr<ModelSlot> slot_;
};

/// RAII: keeps MLX's buffers wired. macOS unwires the GPU's buffers after about a second without
/// work, and maps them again at 35 ms a gigabyte. An idle process wires nothing. Made and destroyed
/// on the model thread.
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

/// RAII: pins the model in memory and holds the reservation of the work on it.
class ModelLease {
 public:
  ~ModelLease();
  ModelLease(const ModelLease&) = delete;
  ModelLease& operator=(const ModelLease&) = delete;

  /// Runs `job` on the model thread, with the model loaded. Throws as the job, kBadModel,
  /// and kCancelled if `stop` is requested before the job has begun.
  void run(const std::function<void()>& job, const StopToken& stop = {});

  /// Releases a part of the reservation before the lease ends, at most what it has.
  void release(const budget::TagBytes& part);

  /// Reserves more for a step, if there is room now: neither evicts nor waits.
  std::optional<budget::Reservation> try_reserve(const budget::TagBytes& bytes) const;

  // The parts of `run`, for work in steps; on the model thread.

  /// Loads the model if it is not loaded, or if its files have changed since. Throws kBadModel.
  void load();
  /// False if `load` would load it.
  bool is_current() const;
  /// Wires the buffers of MLX; null if there are none to wire.
  std::shared_ptr<WiredMemory> wire();
  /// Runs `job`; exceptions that are no Error become kBadModel if the model's files have changed,
  /// kFailed otherwise.
  void guard(const std::function<void()>& job) const;

 private:
  friend class ModelHost;
  explicit ModelLease(ModelHost& host) : host_(host) {}
  ModelHost& host_;
  std::shared_ptr<ModelSlot> slot_;  ///< null until the work is admitted
  std::uint64_t workspace_bytes_ = 0;
  budget::Reservation reservation_;
};

/// RAII: a resident reservation for something that is neither a model nor a request, such as an OCR
/// engine. It cannot be evicted. The host must outlive it.
class FixedReservation {
 public:
  /// Throws as `ModelHost::reserve`.
  FixedReservation(ModelHost& host, std::uint64_t bytes, const LocalizedText& hint,
                   const StopToken& stop = {});
  ~FixedReservation();
  FixedReservation(const FixedReservation&) = delete;
  FixedReservation& operator=(const FixedReservation&) = delete;

 private:
  ModelHost& host_;
  budget::Reservation reservation_;
};

/// Runs the models of a process under one budget and on one thread. Loads a model when it is
/// needed. Evicts caches, then idle models, the least recently used first: if a request needs the
/// room, if the system is short of memory, or after a long idle time. Any thread may call.
class ModelHost {
 public:
  /// No work fits if `fixed_overhead_bytes` exceed the budget.
  explicit ModelHost(HostOptions options);
  ~ModelHost();
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  /// Admits work on a model: see budget::MemoryBudget::reserve. `already_held` is a part of
  /// `work.own` that the caller has reserved before; only the rest is reserved here.
  std::unique_ptr<ModelLease> admit(ModelRegistration& registration, const WorkMemory& work,
                                    const LocalizedText& hint, const StopToken& stop = {},
                                    const budget::Reservation* already_held = nullptr);

  /// Reserves memory for work without a model, such as decoding pictures and reading their text.
  /// Reserves all of `work`, in addition to `already_held`.
  budget::Reservation reserve(const budget::TagBytes& work, const LocalizedText& hint,
                              StopToken stop = {},
                              const budget::Reservation* already_held = nullptr);

  /// True if `work` fits next to the model when nothing else is reserved.
  bool fits_budget(const ModelRegistration& registration, const budget::TagBytes& work) const;

  /// The least budget for `work` with its model and nothing else.
  std::uint64_t budget_for(const ModelRegistration& registration,
                           const budget::TagBytes& work) const;

  /// The budget of the options, even if `fixed_overhead_bytes` is larger.
  std::uint64_t budget_bytes() const { return options_.budget_bytes; }
  budget::MemoryBudget& memory_budget() { return memory_budget_; }
  const budget::MemoryBudget& memory_budget() const { return memory_budget_; }

  Scheduler& scheduler() { return scheduler_; }

  /// Number of loads since the host was made.
  std::uint64_t loads() const { return loads_; }

 private:
  friend class FixedReservation;
  friend class ModelLease;
  friend class ModelRegistration;
  friend struct ModelSlot;

  /// True if no other model is loaded or has its weights reserved.
  bool is_alone(const ModelSlot& slot);
  /// On the model thread.
  bool is_only_loaded(const ModelSlot& slot);
  void watch(const StopToken& stop);

  HostOptions options_;
  budget::MemoryBudget memory_budget_;
  std::atomic<std::uint64_t> fixed_overhead_bytes_;  ///< with every FixedReservation
  budget::Reservation fixed_overhead_;
  std::atomic<std::uint64_t> loads_ = 0;
  std::weak_ptr<WiredMemory> wired_;  ///< touched by the model thread
  Scheduler scheduler_;
  /// Protects the slots. Never held while the budget or the model thread is called; the budget
  /// takes it while it holds its own.
  Mutex mutex_;
  ConditionVariable watch_wake_;
  std::vector<std::shared_ptr<ModelSlot>> slots_ OKO_GUARDED_BY(mutex_);
  JoiningThread watcher_;  // last: it stops before the others
};

}  // namespace oko::engine

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "budget/ledger.h"
#include "budget/memory_probe.h"
#include "engine/model_thread.h"
#include "tensor/device.h"

namespace oko::engine {

struct HostOptions {
  /// Private memory and weights together; see MemoryPlan.
  std::uint64_t budget_bytes = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t beside_bytes = 0;  ///< of it, for what is neither a model nor work on one
  std::size_t threads = 0;         ///< of the CPU kernels; 0: one a physical core
  /// A model that was not used for so long is unloaded; 0: never.
  std::chrono::milliseconds idle_timeout{0};
  /// Never two models loaded at once, though both would fit for now: for Mode::kSequential.
  bool one_at_a_time = false;
  /// Looked at for pressure, every `watch_interval`; null: nobody looks.
  std::shared_ptr<const budget::MemoryProbe> probe = {};
  std::chrono::milliseconds watch_interval{1000};
  /// While a job runs and no other model is loaded, MLX's buffers stay wired, up to what the GPU
  /// may keep; 0: there is no GPU.
  std::uint64_t wired_bytes = tensor::gpu_working_set_bytes();
  std::function<void(std::uint64_t)> set_wired_limit = tensor::set_wired_limit;
};

/// A model that can be unloaded while nobody uses it, and loaded again from its mapped files.
/// Called on the model thread.
class Resident {
 public:
  virtual ~Resident() = default;
  virtual void load() = 0;  ///< throws kBadModel
  virtual void unload() noexcept = 0;
  /// False where the files are no longer those that were loaded: it is loaded again before use.
  virtual bool is_current() const = 0;
};

/// The models of a process under one budget: on one thread, each loaded when it is needed and
/// unloaded, the one used least recently first, where another needs its room, where the system is
/// short of memory, or when it has been idle for long. Any thread may call.
class ModelHost {
 private:
  struct Entry;

 public:
  /// Where not even `beside_bytes` fit, no work does.
  explicit ModelHost(HostOptions options);
  ~ModelHost();
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  /// A model's place in the host, which it leaves unloaded when this is destroyed. The host must
  /// outlive it.
  class Place {
   public:
    Place(ModelHost& host, Resident& model, std::uint64_t weight_bytes);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    std::uint64_t weight_bytes() const;

   private:
    friend class ModelHost;
    ModelHost& host_;
    std::shared_ptr<Entry> entry_;
  };

  /// A promise: the model stays, and so much memory may be taken, while it lives.
  class Use {
   public:
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    /// Runs `job` on the model thread, with the model loaded. Throws what the job throws,
    /// kBadModel, and kCancelled where `stop` is requested before the job has begun.
    void run(const std::function<void()>& job, const StopToken& stop = {});

   private:
    friend class ModelHost;
    explicit Use(ModelHost& host) : host_(host) {}
    ModelHost& host_;
    std::shared_ptr<Entry> entry_;  ///< null until it is admitted
    budget::Lease lease_;
  };

  /// Memory for what is neither a model nor work on one, such as an engine that reads text: it
  /// stays while this lives. The host must outlive it.
  class Beside {
   public:
    /// See `lease`.
    Beside(ModelHost& host, std::uint64_t bytes, const std::string& hint,
           const StopToken& stop = {});
    ~Beside();
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;

   private:
    ModelHost& host_;
    budget::Lease lease_;
  };

  /// Admits work: see budget::Ledger::take. `holding`: what the caller has been promised for it
  /// already, of which no more is asked for.
  std::unique_ptr<Use> admit(Place& place, const budget::TagBytes& work, const std::string& hint,
                             const StopToken& stop = {}, const budget::Lease* holding = nullptr);

  /// The same for work without a model, such as decoding pictures and reading their text. All of
  /// `work` is asked for beside `holding`.
  budget::Lease lease(const budget::TagBytes& work, const std::string& hint, StopToken stop = {},
                      const budget::Lease* holding = nullptr);

  /// Whether so much work would fit beside the model if nothing else were there.
  bool could_fit(const Place& place, const budget::TagBytes& work) const;

  /// The whole budget that such work takes with its model and nothing else.
  std::uint64_t budget_for(const Place& place, const budget::TagBytes& work) const;

  /// As it was given, though `beside_bytes` may be more.
  std::uint64_t budget_bytes() const { return options_.budget_bytes; }
  const budget::Ledger& ledger() const { return ledger_; }

  /// Models loaded since the host was made, each time counted.
  std::uint64_t loads() const { return loads_; }

 private:
  using Clock = std::chrono::steady_clock;

  /// Unloads the idle model used least recently, but `except`, that was not used since `before`;
  /// where there is none, waits for those that other threads unload. False where nothing went.
  /// Throws kCancelled.
  bool evict(const Entry* except, const StopToken& stop,
             Clock::time_point before = Clock::time_point::max());
  /// Whether no other model is loaded, or promised to be; waits for those that are being unloaded.
  /// Throws kCancelled.
  bool is_alone(const Entry& entry, const StopToken& stop);
  /// On the model thread.
  bool is_only_loaded(const Entry& entry);
  void end_eviction(budget::Lease& weights);
  void watch(const StopToken& stop);

  HostOptions options_;
  budget::Ledger ledger_;
  std::atomic<std::uint64_t> beside_bytes_;  ///< with that of each Beside
  budget::Lease beside_;
  std::atomic<std::uint64_t> loads_ = 0;
  ModelThread thread_;
  std::mutex mutex_;  ///< of the entries; never held while the ledger or the model thread is called
  std::size_t evictions_ = 0;  ///< under way
  ConditionVariable evicted_;
  ConditionVariable watch_wake_;
  std::vector<std::shared_ptr<Entry>> entries_;
  JoiningThread watcher_;  // last: it stops before the rest is gone
};

}  // namespace oko::engine

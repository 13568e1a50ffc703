#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/stop_token.h"

namespace oko::budget {

/// What memory is taken for.
enum class Tag { kWeights, kImage, kVision, kPrefill, kKv, kEmbed, kOcr };
inline constexpr std::size_t kTagCount = 7;

/// "weights", "image", "vision", "prefill", "kv", "embed", "ocr".
std::string_view name_of(Tag tag);

/// Bytes by what they are taken for.
class TagBytes {
 public:
  std::uint64_t& operator[](Tag tag) { return bytes_[static_cast<std::size_t>(tag)]; }
  std::uint64_t operator[](Tag tag) const { return bytes_[static_cast<std::size_t>(tag)]; }
  std::uint64_t total() const;
  TagBytes& operator+=(const TagBytes& other);
  TagBytes& operator-=(const TagBytes& other);
  void raise_to(const TagBytes& other);  ///< each tag to the larger of the two
  void lower_by(const TagBytes& other);  ///< each tag, to 0 at least
  bool operator==(const TagBytes&) const = default;

 private:
  std::array<std::uint64_t, kTagCount> bytes_{};
};

/// What a ledger has done since it was made, for those who watch a server.
struct LedgerCounts {
  std::uint64_t granted = 0;
  std::uint64_t waited = 0;   ///< of those granted or refused, for others to give back
  std::uint64_t refused = 0;  ///< over the budget
  TagBytes peak;              ///< of each tag by itself
};

class Ledger;

/// Memory that a piece of work may take while it lives. Given back when destroyed, by any thread;
/// the ledger must outlive it.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { release(); }

  void release();
  /// A part of it as a lease of its own, at most what it has.
  Lease split(const TagBytes& part);
  const TagBytes& bytes() const { return bytes_; }

 private:
  friend class Ledger;
  Lease(Ledger& ledger, const TagBytes& bytes) : ledger_(&ledger), bytes_(bytes) {}

  Ledger* ledger_ = nullptr;
  TagBytes bytes_;
};

/// Who has been promised how much of the budget. Work asks before it allocates: promises never add
/// up to more than the budget. Any thread may call.
class Ledger {
 public:
  explicit Ledger(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// What `take` asks the caller while it has its turn; without the ledger's lock.
  struct Ask {
    /// What is needed as things stand: asked again whenever something has changed.
    std::function<TagBytes()> wanted;
    /// Whether it may be granted where it fits; where not, that is waited for as for room. Asked
    /// again likewise. Empty: always.
    std::function<bool()> ready = {};
    /// Frees memory that is held for later only, and gives its leases back: false where there is
    /// none left. May be empty.
    std::function<bool(const StopToken&)> evict = {};
    /// Called with the lease before anyone else has a turn. False where what is wanted has changed
    /// since it was asked: it is asked again. Must not throw; may be empty.
    std::function<bool(Lease&)> granted = {};
    std::string hint = {};  ///< what the user can change where it does not fit
    /// What the caller has already and keeps while it waits; null: nothing.
    const Lease* holding = nullptr;
  };

  /// Evicts, then waits for other work to give back. First come first served, but those who keep
  /// something while they wait, so that others wait for them, come before those who do not. Throws
  /// kOverBudget, with the numbers and the hint, where nobody is at work who could give something
  /// back and it still does not fit; kCancelled.
  Lease take(const Ask& ask, StopToken stop = {});

  /// Whether so much would fit if everything else were given back.
  bool could_fit(const TagBytes& bytes) const { return bytes.total() <= budget_bytes_; }

  std::uint64_t budget_bytes() const { return budget_bytes_; }
  TagBytes held() const;
  std::uint64_t peak_bytes() const;  ///< that were held at once, ever
  LedgerCounts counts() const;

 private:
  friend class Lease;
  void give_back(const TagBytes& bytes);
  std::list<std::uint64_t>::iterator enter(std::uint64_t kept_bytes);
  /// Nothing where `ask.granted` says so.
  std::optional<Lease> grant(const Ask& ask, const TagBytes& bytes,
                             std::unique_lock<std::mutex>& lock);
  /// Whether someone who does not wait holds more than weights. With the lock.
  bool is_anyone_at_work() const;

  const std::uint64_t budget_bytes_;
  mutable std::mutex mutex_;
  ConditionVariable changed_;
  TagBytes held_;
  std::uint64_t peak_bytes_ = 0;
  LedgerCounts counts_;
  /// What each caller of `take` that has not left yet keeps while it waits, those that keep nothing
  /// last; the first has its turn.
  std::list<std::uint64_t> queue_;
  bool is_turn_taken_ = false;  ///< by one who was first when it began
};

}  // namespace oko::budget

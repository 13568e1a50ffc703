#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

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
  bool operator==(const TagBytes&) const = default;

 private:
  std::array<std::uint64_t, kTagCount> bytes_{};
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
    /// Frees memory that is held for later only, and gives its leases back: false where there is
    /// none left. May be empty.
    std::function<bool()> evict = {};
    /// Called with the lease before anyone else has a turn. Must not throw; may be empty.
    std::function<void(Lease&)> granted = {};
    std::string hint = {};  ///< what the user can change where it does not fit
  };

  /// Evicts, then waits for other work to give back, first come first served. Throws kOverBudget,
  /// with the numbers and the hint, where nothing but weights is held and it still does not fit;
  /// kCancelled.
  Lease take(const Ask& ask, std::stop_token stop = {});

  /// Whether so much would fit if everything else were given back.
  bool could_fit(const TagBytes& bytes) const { return bytes.total() <= budget_bytes_; }

  std::uint64_t budget_bytes() const { return budget_bytes_; }
  TagBytes held() const;
  std::uint64_t peak_bytes() const;  ///< that were held at once, ever

 private:
  friend class Lease;
  void give_back(const TagBytes& bytes);

  const std::uint64_t budget_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  TagBytes held_;
  std::uint64_t peak_bytes_ = 0;
  std::list<int> queue_;  ///< one a caller of `take` that has not left yet; the first has its turn
};

}  // namespace oko::budget

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>

namespace oko::tensor::cpu {

/// Memory of large arrays. Each is a mapping of its own, so that what is given back leaves no holes
/// between others, and is kept for the next layer's arrays, which are as large: fresh pages cost a
/// fifth of the time of a pass. Used and kept memory together exceed the most that was ever used by
/// `most_kept` at the most, so that the process takes what its arrays take and little more. Any
/// thread may call.
class ArrayPool {
 public:
  /// Smaller arrays are for the system's allocator.
  static constexpr std::size_t kMinBytes = 256 * 1024;

  /// Bytes that may be kept at most. A prompt's layers need 38 MB of it to meet no fresh pages:
  /// some sizes are of attention, others of the feed-forward network.
  static constexpr std::uint64_t kMostKept = 40'000'000;

  /// The same beyond a peak of use.
  static constexpr std::uint64_t most_kept(std::uint64_t peak) {
    return std::min(peak / 2, kMostKept);
  }

  ~ArrayPool() { trim(); }

  /// Uninitialised memory, at a multiple of 64. Throws kFailed if the system has none.
  std::byte* take(std::size_t bytes);
  [[noreturn]] static void throw_no_memory(std::size_t bytes);
  void give_back(std::byte* memory);

  /// Unmaps the oldest kept blocks until at most `kept` bytes are kept. The peak restarts at the
  /// bytes used and kept.
  void trim(std::size_t kept = 0);

  std::size_t used_bytes() const;
  std::size_t peak_bytes() const;  ///< of `used_bytes`, and of kept ones at the last `trim`

 private:
  struct Block;

  Block* find_kept(std::size_t bytes);
  void make_room(std::size_t bytes);
  void unmap(Block* block);

  mutable std::mutex mutex_;
  std::list<Block*> kept_;  ///< given back last, last
  std::size_t used_ = 0;
  std::size_t kept_bytes_ = 0;
  std::size_t peak_ = 0;
};

/// The pool of the process.
ArrayPool& array_pool();

}  // namespace oko::tensor::cpu

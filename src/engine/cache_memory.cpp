#include "engine/cache_memory.h"

#include <utility>

namespace oko::engine {

CacheMemory::CacheMemory(budget::MemoryBudget& budget, CacheMemoryOptions options)
    : budget_(budget), options_(std::move(options)), registration_(budget, *this) {}

std::optional<budget::Reservation> CacheMemory::reserve(std::uint64_t bytes) {
  if (bytes > options_.max_bytes) return std::nullopt;
  const std::uint64_t used = registration_.bytes();
  if (used + bytes > options_.max_bytes) drop(used + bytes - options_.max_bytes);
  touch();
  budget::TagBytes size;
  size[options_.tag] = bytes;
  if (auto reservation = budget_.try_reserve(size, registration_)) return reservation;
  if (!drop(bytes)) return std::nullopt;
  return budget_.try_reserve(size, registration_);
}

bool CacheMemory::evict(std::uint64_t bytes, const StopToken& stop) {
  bool evicted = false;
  options_.run([&] { evicted = drop(bytes); }, stop);
  return evicted;
}

/// Evicts the oldest entries until `bytes` are free. Returns false if the cache is empty.
bool CacheMemory::drop(std::uint64_t bytes) {
  const std::uint64_t before = registration_.bytes();
  bool dropped = false;
  while (before - registration_.bytes() < bytes && options_.drop_oldest()) dropped = true;
  return dropped;
}

}  // namespace oko::engine

#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace oko::tensor::cpu {

/// Memory that starts at a cache line: a vector of 64 bytes that crosses one is read at half speed.
template <typename T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  CacheLineAllocator() = default;
  template <typename U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory, kAlignment); }
  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

struct CacheLineDelete {
  void operator()(void* memory) const { ::operator delete (memory, std::align_val_t{64}); }
};

/// Numbers that nothing has written yet.
template <typename T>
using AlignedArray = std::unique_ptr<T[], CacheLineDelete>;

template <typename T>
AlignedArray<T> aligned_array(std::size_t count) {
  return AlignedArray<T>(CacheLineAllocator<T>().allocate(count));
}

}  // namespace oko::tensor::cpu

#pragma once

#include <cstdint>

namespace oko::tensor {

/// Measures and bounds MLX's buffers in the phases of a request. In MLX's graph, the buffers in use
/// and those kept for the next layer stay within the reservation of each phase: a layer reuses the
/// buffers of the last one. Does not affect the pool of oko's kernels (cpu/array_pool.h). On the
/// thread that owns MLX; the last `begin` decides.
class BufferPhases {
 public:
  /// Does not count the buffers in use now, such as mapped weights on a GPU.
  BufferPhases();
  /// Frees the kept buffers, and lets MLX keep as many as an idle process may.
  ~BufferPhases();
  BufferPhases(const BufferPhases&) = delete;
  BufferPhases& operator=(const BufferPhases&) = delete;

  /// Frees the kept buffers; from here on at most `bytes` are in use and kept.
  void begin(std::uint64_t bytes);

  /// False if another request has set MLX's bounds since `begin`.
  bool is_current() const { return bounds_ == this; }

  /// Bytes in use at most since the last call.
  std::uint64_t take_peak();

  /// Bytes that MLX had in use at most since the start, with those of others.
  std::uint64_t peak_bytes();

 private:
  static inline const BufferPhases* bounds_ = nullptr;  ///< the owner of MLX's bounds

  std::uint64_t before_;
  std::uint64_t peak_;
  std::uint64_t memory_limit_;
};

}  // namespace oko::tensor

#pragma once

#include <cstdint>

namespace oko::tensor {

/// Measures and bounds MLX's buffers while a request goes through its phases. In MLX's graph
/// buffers in use and those kept for the next layer stay within the reservation of each phase: a
/// layer reuses the buffers of the last one. Oko's kernels have a pool of their own
/// (cpu/array_pool.h), for which nothing is changed. On the thread that owns MLX; the last `begin`
/// decides.
class BufferPhases {
 public:
  /// Buffers in use now, such as mapped weights on a GPU, are not counted.
  BufferPhases();
  /// Gives back what is kept, and lets MLX keep what an idle process may.
  ~BufferPhases();
  BufferPhases(const BufferPhases&) = delete;
  BufferPhases& operator=(const BufferPhases&) = delete;

  /// Gives back what is kept; from here on `bytes` may be in use and kept.
  void begin(std::uint64_t bytes);

  /// False if another request has bounded MLX's buffers since `begin`.
  bool is_current() const { return bounds_ == this; }

  /// Bytes in use at most since the last call.
  std::uint64_t take_peak();

  /// Bytes that MLX had in use at most since the start, with those of others.
  std::uint64_t peak_bytes();

 private:
  static inline const BufferPhases* bounds_ = nullptr;  ///< whose bounds are those of MLX

  std::uint64_t before_;
  std::uint64_t peak_;
  std::uint64_t memory_limit_;
};

}  // namespace oko::tensor

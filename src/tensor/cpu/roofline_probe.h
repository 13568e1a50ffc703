#pragma once

#include <cstddef>

namespace oko::tensor::cpu {

/// How memory is read: in 1, 2 or 4 runs side by side, each of which asks for the line
/// `bytes_ahead` of it; 0 leaves that to the processor.
struct ReadPattern {
  std::size_t streams = 1;
  std::size_t bytes_ahead = 0;
};

/// Sum of `count` floats, which memory alone limits. `count` is a multiple of 256.
float sum_floats(const float* values, std::size_t count, ReadPattern pattern = {});

/// Multiplies and adds in registers, `rounds` times on 12 independent vectors. Returns the number
/// of operations (a multiplication and an addition are two).
double multiply_add_rounds(std::size_t rounds, float* sink);

/// The most that this machine can do at this moment, on all threads of `thread_pool()`.
struct Roofline {
  double read_bytes_per_second = 0;  ///< of memory, far beyond the caches
  double flops_per_second = 0;       ///< f32; a multiplication and an addition are two
};

/// Element-wise maximum: noise from other tenants only lowers a reading.
Roofline best_of(const Roofline& a, const Roofline& b);

/// Bytes of memory that all threads read in a second, by the best of several patterns. Takes
/// `bytes` of memory, a multiple of 1 MB, and 0.2 s for 128 MB; caches must be smaller.
double measure_read_bandwidth(std::size_t bytes);

/// Takes about a second and 256 MB.
Roofline measure_roofline();

}  // namespace oko::tensor::cpu

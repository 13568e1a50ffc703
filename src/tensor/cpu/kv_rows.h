#pragma once

#include <cstddef>

namespace oko::tensor::cpu {

/// How a key or value of one token and one head is kept.
enum class KvType {
  kFloat32,
  kFloat16,
  kInt8,  ///< head_dim signed bytes, then their scale, an f32: x = scale · q, |q| <= 127
};

std::size_t kv_row_bytes(KvType type, std::size_t head_dim);

/// `rows` rows of head_dim numbers, one after the other, as rows of kv_row_bytes. Runs on
/// `thread_pool()`. False if a number is beyond ±65,504, the largest of float16, and was cut to
/// it.
bool pack_kv_rows(const float* x, std::size_t rows, std::size_t head_dim, KvType type, void* out);

}  // namespace oko::tensor::cpu

#include "tensor/cpu/materialized.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>
#include <utility>

#include "tensor/allocator.h"
#include "tensor/array_view.h"

namespace oko::tensor::cpu {
namespace {

mx::array evaluated(mx::array x) {
  if (!x.is_available()) x.eval();
  return x;
}

template <typename Half>
mx::array converted(const mx::array& x) {
  mx::array y = uninitialized(x.shape(), mx::float32);
  std::copy_n(x.data<Half>(), x.size(), y.data<float>());
  return y;
}

mx::array as_f32(const mx::array& x) {
  if (x.dtype() == mx::float32) return x;
  // The many small vectors of a model: MLX would wake a thread for each.
  if (x.is_available() && x.flags().row_contiguous) {
    if (x.dtype() == mx::float16) return converted<mx::float16_t>(x);
    if (x.dtype() == mx::bfloat16) return converted<mx::bfloat16_t>(x);
  }
  return mx::astype(x, mx::float32);
}

bool has_contiguous_rows(const mx::array& x) {
  const mx::Strides wanted = contiguous_strides(x.shape());
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    if (x.shape(static_cast<int>(i)) > 1 && x.strides()[i] != wanted[i]) return false;
  }
  return true;
}

}  // namespace

mx::array materialized(const mx::array& x) {
  // Weights are row-contiguous: their bytes are read where the file is mapped. mx::contiguous would
  // copy them, as it does with any view of a much larger buffer.
  const mx::array computed = evaluated(x);
  return computed.flags().row_contiguous ? computed : evaluated(mx::contiguous(computed));
}

mx::array materialized_f32(const mx::array& x) {
  return materialized(as_f32(x));
}

mx::array materialized_f32_rows(const mx::array& x) {
  const mx::array computed = evaluated(as_f32(x));
  return has_contiguous_rows(computed) ? computed : materialized(computed);
}

mx::array uninitialized(mx::Shape shape, mx::Dtype dtype) {
  std::size_t bytes = mx::size_of(dtype);
  for (const int size : shape) bytes *= static_cast<std::size_t>(size);
  return mx::array(allocate(bytes), std::move(shape), dtype);
}

mx::array reshaped(const mx::array& x, mx::Shape shape) {
  return view_of(x, 0, std::move(shape), x.dtype());
}

}  // namespace oko::tensor::cpu

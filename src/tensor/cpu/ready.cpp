#include "tensor/cpu/ready.h"

#include <mlx/mlx.h>

#include <utility>

#include "tensor/allocator.h"

namespace oko::tensor::cpu {
namespace {

mx::array evaluated(mx::array x) {
  if (!x.is_available()) x.eval();
  return x;
}

mx::array as_f32(const mx::array& x) {
  return x.dtype() == mx::float32 ? x : mx::astype(x, mx::float32);
}

mx::Strides contiguous_strides(const mx::Shape& shape) {
  mx::Strides strides(shape.size(), 1);
  for (std::size_t i = shape.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

bool has_contiguous_rows(const mx::array& x) {
  const mx::Strides wanted = contiguous_strides(x.shape());
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    if (x.shape(static_cast<int>(i)) > 1 && x.strides()[i] != wanted[i]) return false;
  }
  return true;
}

}  // namespace

mx::array ready(const mx::array& x) {
  // Weights are row-contiguous: their bytes are read where the file is mapped. mx::contiguous would
  // copy them, as it does with any view of a much larger buffer.
  const mx::array computed = evaluated(x);
  return computed.flags().row_contiguous ? computed : evaluated(mx::contiguous(computed));
}

mx::array ready_f32(const mx::array& x) {
  return ready(as_f32(x));
}

mx::array ready_f32_rows(const mx::array& x) {
  const mx::array computed = evaluated(as_f32(x));
  return has_contiguous_rows(computed) ? computed : ready(computed);
}

mx::array uninitialized(mx::Shape shape, mx::Dtype dtype) {
  std::size_t bytes = mx::size_of(dtype);
  for (const int size : shape) bytes *= static_cast<std::size_t>(size);
  return mx::array(allocate(bytes), std::move(shape), dtype);
}

mx::array reshaped(const mx::array& x, mx::Shape shape) {
  const mx::Strides strides = contiguous_strides(shape);
  mx::array view(std::move(shape), x.dtype(), nullptr, {});
  view.copy_shared_buffer(x, strides, x.flags(), x.data_size());
  view.set_status(mx::array::Status::available);
  return view;
}

}  // namespace oko::tensor::cpu

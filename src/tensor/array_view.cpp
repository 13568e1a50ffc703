#include "tensor/array_view.h"

#include <algorithm>

namespace oko::tensor {

mx::Strides contiguous_strides(const mx::Shape& shape) {
  mx::Strides strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i > 1; --i) strides[i - 2] = strides[i - 1] * shape[i - 1];
  return strides;
}

mx::array view_of(const mx::array& whole, std::uint64_t offset, mx::Shape shape, mx::Dtype dtype) {
  const mx::Strides strides = contiguous_strides(shape);
  const bool is_vector =
      std::count_if(shape.begin(), shape.end(), [](const auto size) { return size > 1; }) <= 1;
  // MLX counts an offset in elements of the view, and adds it to that of `whole`.
  mx::array bytes({1}, mx::uint8, nullptr, {});
  const mx::array::Flags flags{true, true, is_vector};
  bytes.copy_shared_buffer(whole, {1}, {true, true, true}, 1, static_cast<std::int64_t>(offset));
  mx::array view(std::move(shape), dtype, nullptr, {});
  view.copy_shared_buffer(bytes, strides, flags, view.size());
  view.set_status(mx::array::Status::available);
  return view;
}

}  // namespace oko::tensor

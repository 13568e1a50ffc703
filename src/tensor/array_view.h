#pragma once

#include <mlx/array.h>

#include <cstdint>

namespace oko::tensor {

namespace mx = mlx::core;

/// Strides of a row-contiguous array.
mx::Strides contiguous_strides(const mx::Shape& shape);

/// An array that shares a part of the memory of `whole`, which is evaluated and row-contiguous.
/// `offset`: bytes. Needs no evaluation: MLX's slices and views would each wake a thread, a
/// thousand times for a model.
///
/// MLX's own operations need an address that is a multiple of the element's size. oko's CPU kernels
/// (tensor/cpu) read weights at any address.
mx::array view_of(const mx::array& whole, std::uint64_t offset, mx::Shape shape, mx::Dtype dtype);

}  // namespace oko::tensor

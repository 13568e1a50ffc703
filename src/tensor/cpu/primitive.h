#pragma once

#include <mlx/array.h>

#include <functional>
#include <vector>

namespace oko::tensor::cpu {

namespace mx = mlx::core;

/// The work of one graph node: raw pointers to row-contiguous inputs, in order, and to the output.
using Kernel = std::function<void(const std::vector<const void*>& inputs, void* output)>;

/// A graph node of oko's own on MLX's CPU stream: `kernel` runs there when the node is evaluated,
/// after its inputs. Inputs are made row-contiguous first. `name` is for error messages of MLX.
mx::array make_node(const char* name, mx::Shape shape, mx::Dtype dtype,
                    std::vector<mx::array> inputs, Kernel kernel);

/// An f32 copy of `x`, or `x` itself where it is f32.
mx::array as_f32(const mx::array& x);

}  // namespace oko::tensor::cpu

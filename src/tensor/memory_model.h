#pragma once

#include <cstdint>

namespace oko::tensor {

/// The properties of a device on which predictions of memory depend.
struct MemoryModel {
  /// MLX's graph, which holds all arrays of a layer until it is evaluated; otherwise oko's kernels,
  /// which compute in f32 and free an array after its last use.
  bool graph = false;
  /// A graph on a GPU: norms, rotation, attention and activations are one kernel each. MLX's CPU
  /// device composes them of operations whose results are arrays.
  bool fused = true;
  std::uint64_t number_bytes = 4;  ///< of an activation
};

/// The model of this process's device; activations of a graph have `graph_number_bytes`.
MemoryModel memory_model(std::uint64_t graph_number_bytes);

}  // namespace oko::tensor

#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace oko {

/// The calls of MLX since `reset_graph_counts`, counted by functions that wrap MLX's own.
/// Operations that are one kernel in MLX's Metal backend count as one, also on MLX's CPU device,
/// which splits them.
struct GraphCounts {
  int syncs = 0;    ///< times that the host waited for a result
  int stalls = 0;   ///< of them, those with nothing submitted behind: the device has no work
  int nodes = 0;    ///< operations that were submitted, views included
  int kernels = 0;  ///< of them, those that run something on a GPU
  std::map<std::string, int> kernels_of;  ///< by operation
  std::uint64_t largest_buffer = 0;       ///< bytes of the largest result
  std::uint64_t most_scores = 0;          ///< heads x queries x keys of an attention, at most
};

const GraphCounts& graph_counts();
void reset_graph_counts();

}  // namespace oko

#include "tensor/memory_model.h"

#include "tensor/device.h"

namespace oko::tensor {

MemoryModel memory_model(std::uint64_t graph_number_bytes) {
  if (!uses_graph()) return {};
  return {.graph = true, .fused = on_gpu(), .number_bytes = graph_number_bytes};
}

}  // namespace oko::tensor

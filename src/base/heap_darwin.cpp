#include "base/heap.h"

namespace oko {

/// macOS maps each large block by itself.
void configure_heap() {}

}  // namespace oko

#include "base/heap.h"

namespace oko {

/// macOS maps large blocks by themselves.
void configure_heap() {}

}  // namespace oko

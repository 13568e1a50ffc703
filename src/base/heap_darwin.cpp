#include "base/heap.h"

namespace oko {

/// macOS maps each large block by itself.
void configure_heap() {}

/// An M-series processor has pages of 16 kB, and macOS no larger ones to ask for.
void prefer_large_pages(void*, std::size_t) {}

}  // namespace oko

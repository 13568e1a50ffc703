#include <malloc.h>

#include "tensor/allocator.h"

namespace oko::tensor {

void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);  // mapped one by one, arrays would go back each time
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  // The arenas of further threads cannot hold arrays of that size.
  mallopt(M_ARENA_MAX, 1);
}

void return_freed_memory() {
  malloc_trim(0);
}

}  // namespace oko::tensor

#include <malloc.h>

#include "base/heap.h"

namespace oko {

void configure_heap() {
  // Set, it no longer grows with what is freed, up to 32 MB that leave holes in the heap.
  mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  // Arrays that one thread makes and another frees stay within one heap.
  mallopt(M_ARENA_MAX, 1);
}

}  // namespace oko

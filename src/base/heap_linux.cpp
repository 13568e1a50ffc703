#include <malloc.h>
#include <sys/mman.h>

#include "base/heap.h"

namespace oko {

void configure_heap() {
  // Setting it stops glibc from raising it, up to 32 MB, which leaves holes in the heap.
  mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  // One thread allocates arrays that another one frees: keep them in one heap.
  mallopt(M_ARENA_MAX, 1);
}

void prefer_large_pages(void* start, std::size_t bytes) {
  ::madvise(start, bytes, MADV_HUGEPAGE);
}

}  // namespace oko

#pragma once

#include <cstddef>

namespace oko {

/// Makes malloc of the whole process return large blocks to the system at once, and keep one heap
/// for all threads. Call it before a model runs: memory estimates assume it.
void configure_heap();

/// Asks for large pages behind `bytes` of memory from `start` on, the address of a page, before
/// they are touched. No promise: a system without such pages does nothing.
void prefer_large_pages(void* start, std::size_t bytes);

}  // namespace oko

#pragma once

namespace oko {

/// Makes malloc of the whole process return large blocks to the system at once, and keep one heap
/// for all threads. Call it before a model runs: memory estimates assume it.
void configure_heap();

}  // namespace oko

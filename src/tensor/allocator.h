#pragma once

namespace oko::tensor {

/// Makes the system's allocator keep what activations give back: the next layer's are as large, and
/// fresh pages cost a fifth of the time of a pass.
void keep_freed_memory();

/// Gives it back to the system.
void return_freed_memory();

}  // namespace oko::tensor

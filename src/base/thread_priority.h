#pragma once

namespace oko {

/// From now on the calling thread works in the background: others of this process go first. It
/// cannot be undone.
void yield_to_other_threads();

}  // namespace oko

#pragma once

namespace oko::tensor {

/// Throws kBadModel if `largest`, the largest result of a model, is not a finite number. One
/// number that is none makes the results that follow from it so, too.
void require_finite(float largest);

}  // namespace oko::tensor

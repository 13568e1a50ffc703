#pragma once

namespace oko::tensor {

/// Throws kBadModel if `largest`, the largest result of a model, is not finite. A number that is
/// not finite makes all results that depend on it so, too.
void require_finite(float largest);

}  // namespace oko::tensor

#pragma once

#include "hub/convert.h"

namespace oko::engine {

/// `hub::convert` with checks that oko can run the model. Before the work it loads the new model,
/// with zeros for weights, as `oko describe` or `oko embed` would; at the end the new model runs
/// once, on the CPU. The calling thread owns MLX, and no model may be loaded. Throws as
/// `hub::convert` and as loading, with nothing left behind.
hub::ConvertReport convert_model(hub::ConvertOptions options);

}  // namespace oko::engine

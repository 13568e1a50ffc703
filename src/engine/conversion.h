#pragma once

#include "hub/convert.h"

namespace oko::engine {

/// `hub::convert` of a model that oko can run: before the work everything is loaded that `oko
/// describe` or `oko embed` would load of the new model, its weights being zeros; at the end the
/// new model runs once, on the CPU. The calling thread is to be the one that owns MLX, and no model
/// may be loaded. Throws what `hub::convert` and the loading throw; nothing is left behind then.
hub::ConvertReport convert_model(hub::ConvertOptions options);

}  // namespace oko::engine

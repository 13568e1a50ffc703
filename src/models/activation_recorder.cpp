#include "models/activation_recorder.h"

#include <mlx/ops.h>

namespace oko::models {

namespace mx = mlx::core;

ActivationHook ActivationRecorder::hook() {
  return [this](const std::string& stage, const mx::array& output) {
    mx::array rows = mx::contiguous(mx::astype(output, mx::float32));
    rows.eval();
    StageOutput& all = stages_[stage];
    all.values.insert(all.values.end(), rows.data<float>(), rows.data<float>() + rows.size());
    all.width = static_cast<std::size_t>(rows.shape(1));
  };
}

}  // namespace oko::models

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "base/stop_token.h"
#include "engine/model_host.h"
#include "tasks/doctor.h"

namespace oko::tasks {

struct SelfTestOptions {
  /// The folder of `data_folder()`; nothing: it is not installed.
  std::optional<std::filesystem::path> data;
  std::uint64_t budget_bytes = UINT64_MAX;  ///< of the process
  std::size_t threads = 0;                  ///< of the CPU kernels; 0: one a physical core
  /// Makes the host of the models, once other checks have ended.
  std::function<std::shared_ptr<engine::ModelHost>()> make_host;
  bool real_model = false;  ///< also asks the default model, if it is there
  StopToken stop = {};
};

/// Checks that oko computes right on this machine: matrix products, small models against their
/// references on the CPU and the GPU, known pictures, text in a picture; and measures speed, memory
/// and the time of a switch between models. A check that fails does not stop the others. Call it
/// before any model is loaded: it selects devices. Throws kCancelled.
void run_self_test(const SelfTestOptions& options, const CheckSink& sink);

}  // namespace oko::tasks

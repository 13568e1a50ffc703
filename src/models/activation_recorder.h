#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "models/activation_hook.h"

namespace oko::models {

/// Rows of a stage's output.
struct StageOutput {
  std::vector<float> values;
  std::size_t width = 0;  ///< of a row
};

/// Keeps the outputs of all stages as numbers; those of several pictures follow each other.
class ActivationRecorder {
 public:
  /// The hook must not outlive the recorder.
  ActivationHook hook();

  const std::map<std::string, StageOutput>& stages() const { return stages_; }

 private:
  std::map<std::string, StageOutput> stages_;
};

}  // namespace oko::models

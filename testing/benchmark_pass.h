#pragma once

#include <memory>

#include "base/stop_token.h"
#include "testing/benchmark.h"

namespace oko::testing {

/// A timed pass of a model.
class BenchmarkPass {
 public:
  virtual ~BenchmarkPass() = default;

  /// A short pass before short timed ones, so that they do not wait for the file's pages.
  virtual void warm_up() const = 0;
  /// Runs the pass once.
  virtual double seconds() const = 0;
  /// Predicted bytes of a pass, without weights.
  virtual std::uint64_t predicted_memory() const = 0;
  /// Fills in the least work of a pass.
  virtual void describe(BenchmarkResult& result) const = 0;
};

/// Checks the options and loads the model.
std::unique_ptr<BenchmarkPass> make_pass(const BenchmarkOptions& options, StopToken stop);

}  // namespace oko::testing

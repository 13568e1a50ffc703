#pragma once

#include <memory>

#include "base/stop_token.h"
#include "testing/benchmark.h"

namespace oko::testing {

/// A pass of a model that is timed.
class BenchmarkPass {
 public:
  virtual ~BenchmarkPass() = default;

  /// A short pass where the timed ones are short too: they are not to wait for the file's pages.
  virtual void warm_up() const = 0;
  /// Runs once.
  virtual double seconds() const = 0;
  /// Bytes that a pass is predicted to hold, weights not counted.
  virtual std::uint64_t predicted_memory() const = 0;
  /// Fills in what a pass has to do.
  virtual void describe(BenchmarkResult& result) const = 0;
};

/// Loads the model. Options are checked.
std::unique_ptr<BenchmarkPass> make_pass(const BenchmarkOptions& options, StopToken stop);

}  // namespace oko::testing

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"

namespace oko::cli {

/// Collects errors of single files or pages, after which the others are still tried.
class Failures {
 public:
  /// True for an error of one file that does not affect the others.
  static bool is_of_one_file(const Error& error) {
    return is_of_input(error.code()) || error.code() == ErrorCode::kOverBudget;
  }

  /// `error` of the file `name`, which the image processor and the budget do not know.
  static Error of_file(const Error& error, const std::string& name);

  /// Prints `message`, and the hint of `error` unless it was printed before. The hint of
  /// kOverBudget waits for `throw_first`, which knows the budget that is sufficient for all.
  void add(const Error& error, const LocalizedText& message);

  /// Throws `message` with the code of the first error, if there was one. `least_budget` is
  /// sufficient for each file that did not fit; 0: all did.
  void throw_first(const LocalizedText& message, std::uint64_t least_budget = 0) const;

 private:
  std::optional<ErrorCode> first_;
  std::set<LocalizedText> said_hints_;
};

}  // namespace oko::cli

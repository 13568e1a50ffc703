#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

  /// Prints the message of `error`, and its hint unless the error before has had the same. The
  /// hint of kOverBudget waits for `throw_first`, which knows the budget that is sufficient for
  /// all. `name`: short, of the file or page.
  void add(const Error& error, const LocalizedText& name = {});

  std::size_t count() const { return names_.size(); }

  /// The names of the first ones: "a.png, b.png, c.png, ...".
  LocalizedText names() const;

  /// Throws `message` with the code of the first error, if there was one. `least_budget` is
  /// sufficient for each file that did not fit; 0: all did.
  void throw_first(const LocalizedText& message, std::uint64_t least_budget = 0) const;

 private:
  std::optional<ErrorCode> first_;
  LocalizedText last_hint_;
  std::vector<LocalizedText> names_;
};

}  // namespace oko::cli

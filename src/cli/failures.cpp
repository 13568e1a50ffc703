#include "cli/failures.h"

#include "budget/memory_size.h"
#include "cli/terminal.h"

namespace oko::cli {

Error Failures::of_file(const Error& error, const std::string& name) {
  if (!is_of_one_file(error) || error.message().contains(name)) return error;
  return {error.code(), name + ": " + error.message(), error.hint()};
}

void Failures::add(const Error& error, const LocalizedText& message) {
  say_note(message);
  if (!first_) first_ = error.code();
  if (error.code() == ErrorCode::kOverBudget) return;
  if (said_hints_.insert(error.hint()).second) say_hint(error.hint());
}

void Failures::throw_first(const LocalizedText& message, std::uint64_t least_budget) const {
  if (!first_) return;
  throw Error(*first_, message,
              least_budget == 0 ? LocalizedText() : budget::budget_hint(least_budget));
}

}  // namespace oko::cli

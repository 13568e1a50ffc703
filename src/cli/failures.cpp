#include "cli/failures.h"

#include <algorithm>

#include "budget/memory_size.h"
#include "cli/terminal.h"

namespace oko::cli {

Error Failures::of_file(const Error& error, const std::string& name) {
  if (!is_of_one_file(error) || error.message().contains(name)) return error;
  return {error.code(), name + ": " + error.message(), error.hint()};
}

void Failures::add(const Error& error, const LocalizedText& name) {
  say_note(error.message());
  if (!first_) first_ = error.code();
  names_.push_back(name);
  if (error.code() == ErrorCode::kOverBudget) return;
  if (error.hint() != last_hint_) say_hint(error.hint());
  last_hint_ = error.hint();
}

LocalizedText Failures::names() const {
  constexpr std::size_t kMost = 3;
  LocalizedText text;
  for (std::size_t i = 0; i < std::min(names_.size(), kMost); ++i) {
    if (i > 0) text += ", ";
    text += names_[i];
  }
  if (names_.size() > kMost) text += ", ...";
  return text;
}

void Failures::throw_first(const LocalizedText& message, std::uint64_t least_budget) const {
  if (!first_) return;
  throw Error(*first_, message,
              least_budget == 0 ? LocalizedText() : budget::budget_hint(least_budget));
}

}  // namespace oko::cli

#include "tasks/doctor.h"

#include <exception>
#include <new>

#include "base/error.h"
#include "budget/address_space.h"

namespace oko::tasks {
namespace {

void fail(Check& check, const Error& error) {
  check.health = Health::kError;
  check.text = error.message();
  check.hint = error.hint();
}

}  // namespace

std::string name_of(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kWarning:
      return "warning";
    case Health::kError:
      return "error";
  }
  return {};
}

void run_check(Check blank, const std::function<void(Check&)>& check, const CheckSink& sink) {
  Check result = std::move(blank);
  try {
    check(result);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    fail(result, error);
  } catch (const std::bad_alloc&) {
    fail(result, budget::refused_by_system());
  } catch (const std::exception& error) {
    fail(result, Error(ErrorCode::kFailed, error.what()));
  }
  sink(result);
}

}  // namespace oko::tasks

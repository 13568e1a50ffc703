#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"

namespace oko::tasks {

/// A number or text of a check, for a report.
using Figure = std::variant<bool, std::int64_t, double, std::string>;

enum class Health { kOk, kWarning, kError };

/// "ok", "warning", "error".
std::string name_of(Health health);

/// The result of one check. Its texts may have paths of the user.
struct Check {
  std::string name;          ///< the same in every language: "golden_cpu"
  LocalizedText title = {};  ///< a word or two
  Health health = Health::kOk;
  LocalizedText text = {};
  LocalizedText hint = {};  ///< what to do next
  /// Keys in snake_case; those of sizes end in "_bytes", of times in "_seconds".
  std::vector<std::pair<std::string, Figure>> figures = {};
};

/// Gets each check when it is done, on the caller's thread.
using CheckSink = std::function<void(const Check&)>;

/// Runs `check`, which fills in its argument, and gives the result to `sink`; an exception makes it
/// an error with that message and hint. Throws kCancelled only.
void run_check(Check blank, const std::function<void(Check&)>& check, const CheckSink& sink);

/// Selects the device that the variables ask for. If they ask for what is not there, selects one as
/// if they were not set, and returns what is wrong with them. Call it before all other checks.
std::optional<Error> select_device_for_checks();

/// The part of a check about the machine.
struct MachineOptions {
  std::string version;                ///< of oko
  std::uint64_t budget_bytes = 0;     ///< of oko on this machine
  std::optional<Error> device_error;  ///< of `select_device_for_checks`
  StopToken stop = {};
};

/// Checks the program, chip, system, memory, limits, budget, GPU, MLX, text recognition, models,
/// disk and settings. Loads no model and writes nothing. Throws kCancelled.
void check_machine(const MachineOptions& options, const CheckSink& sink);

}  // namespace oko::tasks

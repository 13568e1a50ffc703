#include "budget/address_space.h"

#include "base/file.h"
#include "base/localized_text.h"
#include "budget/process_memory.h"

namespace oko::budget {

Error refused_by_system() {
  const LocalizedText taken = format_bytes(private_bytes());
  if (const auto space = address_space()) {
    return {ErrorCode::kOverBudget,
            tr("the system gives no more memory: address space {} ({}), {} used, {} of it private "
               "memory",
               "система не даёт больше памяти: из адресного пространства {} ({}) занято {}, из них "
               "своей памяти {}",
               format_bytes(space->limit), space->setting, format_bytes(space->used), taken),
            tr("raise {}, or lower {}", "увеличьте {} или уменьшите {}", space->setting,
               Knob{"budget"})};
  }
  return {ErrorCode::kOverBudget,
          tr("the system gives no more memory or threads; oko has taken {}",
             "система не даёт больше памяти или потоков; oko заняла {}", taken),
          tr("close other programs, or lower {} or {}",
             "закройте другие программы или уменьшите {} или {}", Knob{"budget"}, Knob{"threads"})};
}

}  // namespace oko::budget

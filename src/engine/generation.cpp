#include "engine/generation.h"

namespace oko::engine {

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kLoop:
      return "loop";
  }
  return {};
}

std::string_view name_of(ReductionReason reason) {
  switch (reason) {
    case ReductionReason::kMemoryBudget:
      return "memory_budget";
    case ReductionReason::kDefaultSize:
      return "default_size";
  }
  return {};
}

}  // namespace oko::engine

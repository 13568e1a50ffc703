#include <sys/auxv.h>

#include "tensor/cpu/arm_dot.h"

namespace oko::tensor::cpu {

ArmDot supported_arm_dot() {
  // By number: of Linux 4.15 and 5.10, later than some headers.
  constexpr unsigned long kHasDot = 1ul << 20;     // HWCAP_ASIMDDP
  constexpr unsigned long kHasMatrix = 1ul << 13;  // HWCAP2_I8MM
  if ((::getauxval(AT_HWCAP) & kHasDot) == 0) return ArmDot::kNone;
  return (::getauxval(AT_HWCAP2) & kHasMatrix) == 0 ? ArmDot::kDot : ArmDot::kMatrix;
}

}  // namespace oko::tensor::cpu

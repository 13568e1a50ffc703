#include "tensor/cpu/arm_dot.h"

namespace oko::tensor::cpu {

ArmDot supported_arm_dot() {
  return ArmDot::kNone;
}

}  // namespace oko::tensor::cpu

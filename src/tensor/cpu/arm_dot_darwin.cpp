#include <sys/sysctl.h>

#include "tensor/cpu/arm_dot.h"

namespace oko::tensor::cpu {

ArmDot supported_arm_dot() {
  const auto has = [](const char* feature) {
    int value = 0;
    size_t size = sizeof(value);
    return ::sysctlbyname(feature, &value, &size, nullptr, 0) == 0 && value != 0;
  };
  if (!has("hw.optional.arm.FEAT_DotProd")) return ArmDot::kNone;
  return has("hw.optional.arm.FEAT_I8MM") ? ArmDot::kMatrix : ArmDot::kDot;
}

}  // namespace oko::tensor::cpu

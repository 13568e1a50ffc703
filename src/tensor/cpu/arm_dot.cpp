#include "tensor/cpu/arm_dot.h"

#include <atomic>

namespace oko::tensor::cpu {
namespace {

std::atomic<ArmDot>& arm_dot_use() {
  static std::atomic<ArmDot> use = supported_arm_dot();
  return use;
}

}  // namespace

ArmDot arm_dot() {
  return arm_dot_use().load(std::memory_order_relaxed);
}

void use_arm_dot(ArmDot use) {
  arm_dot_use() = use;
}

}  // namespace oko::tensor::cpu

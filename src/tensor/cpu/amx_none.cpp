#include "tensor/cpu/amx.h"

namespace oko::tensor::cpu {

bool uses_amx() {
  return false;
}

void use_amx(bool) {}

}  // namespace oko::tensor::cpu

#pragma once

namespace oko::tensor::cpu {

/// True if products use AMX's tiles: the processor has them with products of bytes, and the system
/// lets this process use them, which is asked at the first call.
bool uses_amx();

/// For tests: whether products use AMX, whatever the processor has.
void use_amx(bool use);

}  // namespace oko::tensor::cpu

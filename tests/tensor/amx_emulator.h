#pragma once

#include <cstdint>
#include <optional>

#include "tensor/cpu/amx.h"

namespace oko::tensor {

/// Makes this process able to run AMX's instructions that oko uses, the processor's own if it has
/// them, else a model of them: an unknown instruction raises SIGILL, whose handler does what the
/// manual says of it, for each thread with tiles of its own. False where neither is to be had.
bool provide_amx();

/// Products of tiles that the model has computed; nothing where the processor does it.
std::optional<std::uint64_t> emulated_products();

}  // namespace oko::tensor

// Any bytes as the header of a safetensors file: either a table of tensors or oko::Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "base/error.h"
#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace oko::checkpoint;
  try {
    for (const auto& [name, info] :
         parse_safetensors(std::as_bytes(std::span(data, size)), size, "fuzz")) {
      // Readers rely on this.
      if (info.size == 0 || info.offset > size || info.size > size - info.offset) std::abort();
    }
  } catch (const oko::Error&) {
  }
  return 0;
}

#include "tensor/widen_codes.h"

#include <cstddef>

#include "tensor/cpu/materialized.h"
#include "tensor/cpu/thread_pool.h"

namespace oko::tensor {
namespace {

/// Widens one row of `count` codes, a multiple of 8.
void widen_row(const std::uint8_t* from, std::size_t count, int bits, std::uint8_t* to) {
  const std::uint32_t mask = (1U << bits) - 1;
  const int wide = widened_bits(bits);
  std::uint32_t read = 0, written = 0;
  int read_bits = 0, written_bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (; read_bits < bits; read_bits += 8) read |= std::uint32_t{*from++} << read_bits;
    written |= (read & mask) << written_bits;
    read >>= bits;
    read_bits -= bits;
    written_bits += wide;
    if (written_bits < 8) continue;
    *to++ = static_cast<std::uint8_t>(written);
    written = 0;
    written_bits = 0;
  }
}

}  // namespace

mx::array widen_codes(const mx::array& codes, std::int64_t inputs, int bits) {
  constexpr std::size_t kRowsPerTask = 64;
  const int wide = widened_bits(bits);
  const auto rows = static_cast<std::size_t>(codes.shape(0));
  const auto count = static_cast<std::size_t>(inputs);
  const std::size_t from_bytes = count * static_cast<std::size_t>(bits) / 8;
  const std::size_t to_bytes = count * static_cast<std::size_t>(wide) / 8;
  mx::array widened =
      cpu::uninitialized({codes.shape(0), static_cast<int>(inputs * wide / 32)}, mx::uint32);
  const auto* from = static_cast<const std::uint8_t*>(codes.data<void>());
  auto* to = static_cast<std::uint8_t*>(widened.data<void>());
  cpu::thread_pool().parallel_ranges(rows, kRowsPerTask, [&](std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) {
      widen_row(from + row * from_bytes, count, bits, to + row * to_bytes);
    }
  });
  return widened;
}

}  // namespace oko::tensor

#include "tests/tensor/amx_emulator.h"

#include <signal.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>

namespace oko::tensor {
namespace {

struct Tile {
  std::size_t rows = 0, row_bytes = 0;  ///< 0: not configured
  std::array<std::array<std::uint8_t, 64>, 16> bytes = {};
};

thread_local std::array<Tile, 8> tiles;
std::atomic<std::uint64_t> products;

/// What the processor has, asked before a test says something else.
bool has_amx() {
  static const bool result = cpu::uses_amx();
  return result;
}

/// VEX.128.0F38.W0 instructions of three opcodes, told apart by their prefix.
enum class Prefix { kNone, k66, kF3, kF2 };
constexpr std::uint8_t kConfigure = 0x49;  // or clear
constexpr std::uint8_t kMove = 0x4B;
constexpr std::uint8_t kDot = 0x5E;

struct Instruction {
  std::uint8_t opcode = 0;
  Prefix prefix = Prefix::kNone;
  bool has_memory = false;
  int reg = 0, second = 0, third = 0;  ///< ModRM.reg, ModRM.rm, VEX.vvvv
  std::uint8_t* base = nullptr;        ///< of memory
  std::ptrdiff_t index = 0;            ///< scaled
  std::size_t size = 0;                ///< bytes of the instruction
};

greg_t value_of(const ucontext_t& context, int number) {
  constexpr int kRegisters[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
  return context.uc_mcontext.gregs[kRegisters[number]];
}

/// What is no such instruction has size 0. Addresses relative to the instruction are not known.
Instruction decode(const std::uint8_t* code, const ucontext_t& context) {
  Instruction result;
  const bool is_vex = code[0] == 0xC4 && (code[1] & 0x1F) == 2 && (code[2] & 0x84) == 0;
  if (!is_vex) return result;
  const int index_high = (code[1] & 0x40) != 0 ? 0 : 8, base_high = (code[1] & 0x20) != 0 ? 0 : 8;
  result.third = ~(code[2] >> 3) & 15;
  result.prefix = static_cast<Prefix>(code[2] & 3);
  result.opcode = code[3];
  const std::uint8_t modes = code[4];
  const std::uint8_t* next = code + 5;
  result.reg = modes >> 3 & 7;
  result.second = modes & 7;
  const int mode = modes >> 6;
  result.has_memory = mode != 3;
  if (result.has_memory) {
    int base = result.second;
    if (base == 4) {
      const std::uint8_t scaled = *next++;
      base = scaled & 7;
      const int index = (scaled >> 3 & 7) + index_high;
      if (index != 4) result.index = value_of(context, index) * (1 << (scaled >> 6));
    }
    if (base == 5 && mode == 0) return result;
    result.base = std::bit_cast<std::uint8_t*>(value_of(context, base + base_high));
    if (mode == 1) {
      result.base += static_cast<std::int8_t>(*next);
      next += 1;
    } else if (mode == 2) {
      std::int32_t offset;
      std::memcpy(&offset, next, sizeof(offset));
      result.base += offset;
      next += sizeof(offset);
    }
  }
  result.size = static_cast<std::size_t>(next - code);
  return result;
}

/// LDTILECFG.
bool configure(const std::uint8_t* from) {
  if (from[0] != 1 || from[1] != 0) return false;
  for (int i = 2; i < 16; ++i) {
    if (from[i] != 0) return false;
  }
  for (std::size_t i = 0; i < 16; ++i) {
    std::uint16_t row_bytes;
    std::memcpy(&row_bytes, from + 16 + 2 * i, sizeof(row_bytes));
    const std::size_t rows = from[48 + i];
    if (i >= tiles.size() ? row_bytes != 0 || rows != 0
                          : row_bytes > 64 || rows > 16 || (row_bytes == 0) != (rows == 0)) {
      return false;
    }
    if (i < tiles.size()) tiles[i] = {rows, row_bytes};
  }
  return true;
}

/// TDPBUUD, TDPBUSD, TDPBSUD and TDPBSSD: sums + a · b.
bool dot(Tile& sums, const Tile& a, const Tile& b, bool a_signed, bool b_signed) {
  if (sums.rows == 0 || sums.rows != a.rows || sums.row_bytes != b.row_bytes ||
      a.row_bytes != 4 * b.rows || sums.row_bytes % 4 != 0) {
    return false;
  }
  ++products;
  const auto number = [](std::uint8_t byte, bool is_signed) {
    return static_cast<std::uint32_t>(is_signed ? static_cast<std::int8_t>(byte) : byte);
  };
  std::array<std::array<std::uint32_t, 16>, 64> columns;  // of b, by its rows' bytes
  for (std::size_t k = 0; k < 4 * b.rows; ++k) {
    for (std::size_t n = 0; n < 16; ++n)
      columns[k][n] = number(b.bytes[k / 4][4 * n + k % 4], b_signed);
  }
  for (std::size_t m = 0; m < sums.rows; ++m) {
    std::array<std::uint32_t, 16> row;  // sums wrap
    std::memcpy(row.data(), sums.bytes[m].data(), sizeof(row));
    for (std::size_t k = 0; k < a.row_bytes; ++k) {
      const std::uint32_t factor = number(a.bytes[m][k], a_signed);
      for (std::size_t n = 0; n < 16; ++n) row[n] += factor * columns[k][n];
    }
    std::memcpy(sums.bytes[m].data(), row.data(), sums.row_bytes);
  }
  return true;
}

/// TILELOADD and TILESTORED: rows as far apart as the index says.
bool move(const Instruction& instruction) {
  Tile& tile = tiles[static_cast<std::size_t>(instruction.reg)];
  if (tile.rows == 0 || !instruction.has_memory || instruction.second != 4) return false;
  if (instruction.prefix == Prefix::kF2) tile.bytes = {};
  for (std::size_t r = 0; r < tile.rows; ++r) {
    std::uint8_t* memory = instruction.base + static_cast<std::ptrdiff_t>(r) * instruction.index;
    if (instruction.prefix == Prefix::kF2) {
      std::memcpy(tile.bytes[r].data(), memory, tile.row_bytes);
    } else if (instruction.prefix == Prefix::kF3) {
      std::memcpy(memory, tile.bytes[r].data(), tile.row_bytes);
    } else {
      return false;
    }
  }
  return true;
}

bool run(const Instruction& instruction) {
  if (instruction.size == 0) return false;
  const auto at = static_cast<std::size_t>(instruction.reg);
  switch (instruction.opcode) {
    case kConfigure:
      if (instruction.prefix == Prefix::kNone && instruction.has_memory) {
        return configure(instruction.base);
      }
      if (instruction.prefix != Prefix::kF2 || instruction.has_memory || tiles[at].rows == 0) {
        return false;
      }
      tiles[at].bytes = {};
      return true;
    case kMove:
      return move(instruction);
    case kDot: {
      const bool a_signed = instruction.prefix == Prefix::kF2 || instruction.prefix == Prefix::kF3;
      const bool b_signed = instruction.prefix == Prefix::kF2 || instruction.prefix == Prefix::k66;
      return !instruction.has_memory && instruction.third < 8 &&
             dot(tiles[at], tiles[static_cast<std::size_t>(instruction.second)],
                 tiles[static_cast<std::size_t>(instruction.third)], a_signed, b_signed);
    }
    default:
      return false;
  }
}

void handle(int, siginfo_t*, void* raw) {
  auto& context = *static_cast<ucontext_t*>(raw);
  auto& next = context.uc_mcontext.gregs[REG_RIP];
  const Instruction instruction = decode(std::bit_cast<const std::uint8_t*>(next), context);
  if (run(instruction)) {
    next += static_cast<greg_t>(instruction.size);
  } else {
    ::signal(SIGILL, SIG_DFL);  // and again
  }
}

}  // namespace

bool provide_amx() {
  if (!has_amx()) {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGILL, &action, nullptr);
  }
  return true;
}

std::optional<std::uint64_t> emulated_products() {
  return has_amx() ? std::nullopt : std::optional(products.load());
}

}  // namespace oko::tensor

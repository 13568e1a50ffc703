#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "tensor/cpu/amx.h"

namespace oko::tensor::cpu {
namespace {

constexpr int kAskPermission =
    0x1023;                    // ARCH_REQ_XCOMP_PERM: of Linux 5.16, later than some headers
constexpr int kTileData = 18;  // XFEATURE_XTILEDATA

/// Fails on older systems, and where a thread's stack for signals is too small for the tiles.
bool ask_for_amx() {
  unsigned a, b, c, features;
  constexpr unsigned kTiles = 1u << 24, kBytes = 1u << 25;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &features) == 0) return false;
  if ((features & kTiles) == 0 || (features & kBytes) == 0) return false;
  return ::syscall(SYS_arch_prctl, kAskPermission, kTileData) == 0;
}

std::atomic<bool>& amx_use() {
  static std::atomic<bool> use = ask_for_amx();
  return use;
}

}  // namespace

bool uses_amx() {
  return amx_use().load(std::memory_order_relaxed);
}

void use_amx(bool use) {
  amx_use() = use;
}

}  // namespace oko::tensor::cpu

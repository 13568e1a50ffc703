#pragma once

#include <cstdint>
#include <memory>

namespace oko::budget {

enum class System { kMac, kLinux };

/// The system that this program was built for.
System this_system();

/// The memory pressure that the system reports.
enum class Pressure { kNormal, kWarning, kCritical };

/// Memory of the machine and of this process, in bytes. 0 if it cannot be read.
struct MemoryStatus {
  /// Memory of the machine; of a container with a limit, the limit.
  std::uint64_t physical_bytes = 0;
  /// Memory that can be taken before anything is swapped; file pages that the system may drop
  /// count.
  std::uint64_t available_bytes = 0;
  std::uint64_t private_bytes = 0;  ///< of this process (process_memory.h)
  std::uint64_t swapped_bytes = 0;  ///< of this process, on the disk or compressed
  Pressure pressure = Pressure::kNormal;
};

/// Memory of the machine, without the limit of a container. 0 if it cannot be read.
std::uint64_t hardware_bytes();

/// Bytes of the machine's swap, compressed memory not counted. 0 without swap.
struct Swap {
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;
};
Swap swap();

/// The budget's source of these figures. Tests replace it.
class MemoryProbe {
 public:
  virtual ~MemoryProbe() = default;
  virtual MemoryStatus status() const = 0;
};

/// The probe of this system. Linux: MemAvailable, the limits of cgroup v2 and v1, PSI. macOS:
/// hw.memsize, host_statistics64, kern.memorystatus_vm_pressure_level.
std::unique_ptr<MemoryProbe> make_memory_probe();

}  // namespace oko::budget

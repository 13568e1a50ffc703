#include <mach/mach.h>
#include <sys/sysctl.h>

#include <cstdint>

#include "budget/memory_probe.h"
#include "budget/process_memory.h"

namespace oko::budget {
namespace {

template <typename Number>
Number sysctl_number(const char* name) {
  Number value{};
  std::size_t size = sizeof(value);
  return ::sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? value : Number{};
}

/// Free pages, and pages that the system can reclaim without writing them: of files, and purgeable
/// ones.
std::uint64_t available_bytes() {
  vm_statistics64_data_t pages{};
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  const mach_port_t host = ::mach_host_self();
  const kern_return_t result =
      ::host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &count);
  ::mach_port_deallocate(mach_task_self(), host);
  if (result != KERN_SUCCESS) return 0;
  const std::uint64_t usable =
      std::uint64_t{pages.free_count} + pages.external_page_count + pages.purgeable_count;
  return usable * vm_kernel_page_size;
}

/// Pages of this process that the system has compressed or swapped.
std::uint64_t swapped_bytes() {
  task_vm_info_data_t info{};
  mach_msg_type_number_t count = TASK_VM_INFO_COUNT;
  const kern_return_t result =
      ::task_info(mach_task_self(), TASK_VM_INFO, reinterpret_cast<task_info_t>(&info), &count);
  return result == KERN_SUCCESS ? info.compressed : 0;
}

/// The kernel counts 1 normal, 2 warning, 4 critical, as DISPATCH_MEMORYPRESSURE_* do.
Pressure pressure() {
  switch (sysctl_number<std::int32_t>("kern.memorystatus_vm_pressure_level")) {
    case 2:
      return Pressure::kWarning;
    case 4:
      return Pressure::kCritical;
    default:
      return Pressure::kNormal;
  }
}

class DarwinMemoryProbe : public MemoryProbe {
 public:
  MemoryStatus status() const override {
    MemoryStatus status;
    status.physical_bytes = sysctl_number<std::uint64_t>("hw.memsize");
    status.available_bytes = available_bytes();
    status.private_bytes = oko::budget::private_bytes();
    status.swapped_bytes = swapped_bytes();
    status.pressure = pressure();
    return status;
  }
};

}  // namespace

std::uint64_t hardware_bytes() {
  return sysctl_number<std::uint64_t>("hw.memsize");
}

Swap swap() {
  const auto usage = sysctl_number<xsw_usage>("vm.swapusage");
  return {usage.xsu_total, usage.xsu_used};
}

System this_system() {
  return System::kMac;
}

std::unique_ptr<MemoryProbe> make_memory_probe() {
  return std::make_unique<DarwinMemoryProbe>();
}

}  // namespace oko::budget

#include <mach/mach.h>

#include "budget/process_memory.h"

namespace oko::budget {

std::uint64_t private_bytes() {
  task_vm_info_data_t info{};
  mach_msg_type_number_t count = TASK_VM_INFO_COUNT;
  const kern_return_t result =
      task_info(mach_task_self(), TASK_VM_INFO, reinterpret_cast<task_info_t>(&info), &count);
  return result == KERN_SUCCESS ? info.phys_footprint : 0;
}

}  // namespace oko::budget

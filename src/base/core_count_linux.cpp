#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <string>

#include "base/core_count.h"

namespace oko {
namespace {

/// Counts the hardware threads of a core once; every thread if sysfs is hidden.
std::size_t allowed_cores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string name = std::to_string(cpu);
    std::ifstream file("/sys/devices/system/cpu/cpu" + name + "/topology/thread_siblings_list");
    std::string siblings;
    cores.insert(std::getline(file, siblings) ? siblings : name);
  }
  return std::max<std::size_t>(1, cores.size());
}

/// Processors that cgroup v2 grants, rounded up, or `otherwise` if it sets no limit.
std::size_t granted_processors(std::size_t otherwise) {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0.0, period = 0.0;
  if (!(file >> quota >> period) || quota <= 0.0 || period <= 0.0) return otherwise;  // "max"
  return static_cast<std::size_t>(std::ceil(quota / period));
}

}  // namespace

std::size_t physical_core_count() {
  const std::size_t cores = allowed_cores();
  return std::min(cores, granted_processors(cores));
}

}  // namespace oko

#pragma once

#include <filesystem>

#include "budget/memory_probe.h"

namespace oko::budget {

/// Reads what the kernel writes under /proc and, for cgroup v2, under /sys/fs/cgroup.
class LinuxMemoryProbe : public MemoryProbe {
 public:
  explicit LinuxMemoryProbe(std::filesystem::path proc = "/proc",
                            std::filesystem::path cgroup = "/sys/fs/cgroup");
  MemoryStatus status() const override;

 private:
  void apply_limits(MemoryStatus& status) const;

  std::filesystem::path proc_;
  std::filesystem::path cgroup_;
  std::filesystem::path group_;  ///< folder of the process's own group
};

}  // namespace oko::budget

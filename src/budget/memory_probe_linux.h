#pragma once

#include <filesystem>
#include <vector>

#include "budget/memory_probe.h"

namespace oko::budget {

/// A control group of the process that may limit its memory, and the names of its files.
struct MemoryGroup {
  std::filesystem::path root;  ///< of all groups of this kind
  std::filesystem::path group;
  std::vector<const char*> limits;
  const char* usage;
  std::vector<const char*> droppable;  ///< in memory.stat: reclaimable parts of the usage
};

/// Reads the kernel's figures under /proc and, for cgroup v2 and v1, under /sys/fs/cgroup.
class LinuxMemoryProbe : public MemoryProbe {
 public:
  explicit LinuxMemoryProbe(std::filesystem::path proc = "/proc",
                            const std::filesystem::path& cgroup = "/sys/fs/cgroup");
  MemoryStatus status() const override;

 private:
  static void apply_limits(const MemoryGroup& own, MemoryStatus& status);

  std::filesystem::path proc_;
  std::vector<MemoryGroup> groups_;  ///< of v2 first
};

}  // namespace oko::budget

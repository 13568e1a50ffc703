#include "budget/memory_probe_linux.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace oko::budget {
namespace {

constexpr std::uint64_t kKilobyte = 1024;

// Percent of the last 10 seconds that tasks waited for memory (PSI).
constexpr double kWarningStall = 5;    // at least one of them
constexpr double kCriticalStall = 10;  // all of them at once
// Fractions of the memory that are left, independent of PSI.
constexpr std::uint64_t kWarningShare = 10, kCriticalShare = 25;  // a tenth, a 25th

/// The number behind `key` in a file of "key value" lines.
std::optional<std::uint64_t> value_of(const std::filesystem::path& file, const std::string& key) {
  std::ifstream in(file);
  std::string word;
  std::uint64_t value = 0;
  while (in >> word) {
    if (word == key && in >> value) return value;
    in.clear();
    in.ignore(4096, '\n');
  }
  return std::nullopt;
}

std::uint64_t kilobytes_of(const std::filesystem::path& file, const std::string& key) {
  return value_of(file, key).value_or(0) * kKilobyte;
}

/// The number in a file; nothing if there is none, or "max".
std::optional<std::uint64_t> number_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

/// True if `controllers`, the second field of a line of /proc/self/cgroup, contains "memory".
bool has_memory(const std::string& controllers) {
  return ("," + controllers + ",").find(",memory,") != std::string::npos;
}

/// The groups of /proc/self/cgroup that may limit memory: "0::/user.slice/x" of cgroup v2, and
/// "4:memory:/x" of v1. If a container shows its own group as the root, the path is the host's and
/// has no folder here.
std::vector<MemoryGroup> own_groups(const std::filesystem::path& proc,
                                    const std::filesystem::path& root) {
  MemoryGroup v2{.root = root,
                 .group = root,
                 .limits = {"memory.max", "memory.high"},
                 .usage = "memory.current",
                 .droppable = {"inactive_file", "active_file", "slab_reclaimable"}};
  MemoryGroup v1{.root = root / "memory",
                 .group = root / "memory",
                 .limits = {"memory.limit_in_bytes"},
                 .usage = "memory.usage_in_bytes",
                 .droppable = {"total_inactive_file", "total_active_file"}};
  std::ifstream in(proc / "self" / "cgroup");
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t controllers = line.find(':') + 1, path = line.find(":/", controllers) + 1;
    if (controllers == 0 || path == 0) continue;
    const std::string names = line.substr(controllers, path - 1 - controllers);
    if (names.empty()) v2.group = v2.root / line.substr(path + 1);
    if (has_memory(names)) v1.group = v1.root / line.substr(path + 1);
  }
  return {v2, v1};
}

/// The value avg10 of the line "some ..." or "full ...".
double stall(const std::filesystem::path& file, const std::string& kind) {
  std::ifstream in(file);
  std::string word, average;
  while (in >> word) {
    if (word == kind && in >> average && average.starts_with("avg10=")) {
      return std::strtod(average.c_str() + 6, nullptr);
    }
    in.ignore(4096, '\n');
  }
  return 0;
}

Pressure pressure_of(const std::filesystem::path& stalls, const MemoryStatus& status) {
  const std::uint64_t left = status.available_bytes;
  if (stall(stalls, "full") >= kCriticalStall || left * kCriticalShare < status.physical_bytes) {
    return Pressure::kCritical;
  }
  if (stall(stalls, "some") >= kWarningStall || left * kWarningShare < status.physical_bytes) {
    return Pressure::kWarning;
  }
  return Pressure::kNormal;
}

}  // namespace

LinuxMemoryProbe::LinuxMemoryProbe(std::filesystem::path proc, const std::filesystem::path& cgroup)
    : proc_(std::move(proc)), groups_(own_groups(proc_, cgroup)) {}

/// The limits of a group and of all above it, and the memory left under each.
void LinuxMemoryProbe::apply_limits(const MemoryGroup& own, MemoryStatus& status) {
  for (std::filesystem::path group = own.group;; group = group.parent_path()) {
    for (const char* name : own.limits) {
      const auto limit = number_in(group / name);
      if (!limit) continue;
      status.physical_bytes = std::min(status.physical_bytes, *limit);
      std::uint64_t used = number_in(group / own.usage).value_or(0);
      for (const char* droppable : own.droppable) {
        used -= std::min(used, value_of(group / "memory.stat", droppable).value_or(0));
      }
      status.available_bytes = std::min(status.available_bytes, *limit - std::min(*limit, used));
    }
    if (group == own.root || !group.has_relative_path()) return;
  }
}

MemoryStatus LinuxMemoryProbe::status() const {
  MemoryStatus status;
  status.physical_bytes = kilobytes_of(proc_ / "meminfo", "MemTotal:");
  status.available_bytes = kilobytes_of(proc_ / "meminfo", "MemAvailable:");
  status.private_bytes = kilobytes_of(proc_ / "self" / "status", "RssAnon:");
  status.swapped_bytes = kilobytes_of(proc_ / "self" / "status", "VmSwap:");
  for (const MemoryGroup& group : groups_) apply_limits(group, status);
  const std::filesystem::path of_group = groups_.front().group / "memory.pressure";
  std::error_code ignored;
  status.pressure = pressure_of(
      std::filesystem::exists(of_group, ignored) ? of_group : proc_ / "pressure" / "memory",
      status);
  return status;
}

std::uint64_t hardware_bytes() {
  return kilobytes_of("/proc/meminfo", "MemTotal:");
}

Swap swap() {
  const std::uint64_t total = kilobytes_of("/proc/meminfo", "SwapTotal:");
  return {total, total - std::min(total, kilobytes_of("/proc/meminfo", "SwapFree:"))};
}

System this_system() {
  return System::kLinux;
}

std::unique_ptr<MemoryProbe> make_memory_probe() {
  return std::make_unique<LinuxMemoryProbe>();
}

}  // namespace oko::budget

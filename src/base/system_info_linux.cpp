#include <sys/utsname.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/system_info.h"

namespace oko {
namespace {

/// The value of the first line "KEY : VALUE" or "KEY=VALUE" of a file; empty if there is none.
std::string value_of(const char* file, std::string_view key, char separator) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t at = line.find(separator);
    if (at == std::string::npos || !line.starts_with(key)) continue;
    if (line.find_first_not_of(" \t", key.size()) != at) continue;
    const std::size_t first = line.find_first_not_of(" \t\"", at + 1);
    const std::size_t last = line.find_last_not_of(" \t\"");
    return first == std::string::npos ? "" : line.substr(first, last + 1 - first);
  }
  return {};
}

}  // namespace

std::string processor_name() {
  std::string name = value_of("/proc/cpuinfo", "model name", ':');
  if (!name.empty()) return name;
  utsname system{};  // processors of ARM have no name
  return ::uname(&system) == 0 ? system.machine : "";
}

std::vector<std::string> processor_features() {
  std::istringstream flags(value_of("/proc/cpuinfo", "flags", ':') + " " +
                           value_of("/proc/cpuinfo", "Features", ':'));
  std::set<std::string> all;
  for (std::string flag; flags >> flag;) all.insert(flag);
  std::vector<std::string> features;
  for (const auto& [flag, name] : {std::pair{"avx2", "AVX2"},
                                   {"avx512f", "AVX-512"},
                                   {"avx512_vnni", "VNNI"},
                                   {"amx_int8", "AMX"},
                                   {"asimd", "NEON"},
                                   {"asimddp", "dotprod"},
                                   {"bf16", "bf16"},
                                   {"i8mm", "i8mm"},
                                   {"sve", "SVE"}}) {
    if (all.contains(flag)) features.emplace_back(name);
  }
  return features;
}

std::string system_name() {
  const std::string distribution = value_of("/etc/os-release", "PRETTY_NAME", '=');
  utsname system{};
  const std::string kernel =
      ::uname(&system) == 0 ? std::string(system.sysname) + " " + system.release : "Linux";
  return distribution.empty() ? kernel : distribution + ", " + kernel;
}

}  // namespace oko

#include <sys/sysctl.h>

#include <cstdint>
#include <initializer_list>

#include "base/core_count.h"

namespace oko {

std::size_t physical_core_count() {
  // perflevel0: the performance cores of Apple Silicon.
  for (const char* name : {"hw.perflevel0.physicalcpu", "hw.physicalcpu"}) {
    std::int32_t count = 0;
    std::size_t size = sizeof(count);
    if (::sysctlbyname(name, &count, &size, nullptr, 0) == 0 && count > 0) {
      return static_cast<std::size_t>(count);
    }
  }
  return 1;
}

}  // namespace oko

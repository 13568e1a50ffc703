#include <sys/sysctl.h>

#include <cstdint>
#include <utility>

#include "base/system_info.h"

namespace oko {
namespace {

std::string sysctl_text(const char* name) {
  std::size_t size = 0;
  if (::sysctlbyname(name, nullptr, &size, nullptr, 0) != 0 || size == 0) return {};
  std::string text(size, '\0');
  if (::sysctlbyname(name, text.data(), &size, nullptr, 0) != 0) return {};
  return text.c_str();
}

bool sysctl_is_set(const char* name) {
  std::int32_t value = 0;
  std::size_t size = sizeof(value);
  return ::sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}

}  // namespace

std::string processor_name() {
  return sysctl_text("machdep.cpu.brand_string");
}

std::vector<std::string> processor_features() {
  std::vector<std::string> features;
  for (const auto& [key, name] : {std::pair{"hw.optional.AdvSIMD", "NEON"},
                                  {"hw.optional.arm.FEAT_DotProd", "dotprod"},
                                  {"hw.optional.arm.FEAT_BF16", "bf16"},
                                  {"hw.optional.arm.FEAT_I8MM", "i8mm"},
                                  {"hw.optional.arm.FEAT_SME", "SME"}}) {
    if (sysctl_is_set(key)) features.emplace_back(name);
  }
  return features;
}

std::string system_name() {
  return "macOS " + sysctl_text("kern.osproductversion") + " (" + sysctl_text("kern.osversion") +
         ")";
}

}  // namespace oko

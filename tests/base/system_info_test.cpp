#include "base/system_info.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace oko {
namespace {

TEST(SystemInfoTest, NamesTheProcessor) {
  const std::string name = processor_name();
  EXPECT_FALSE(name.empty());
  EXPECT_EQ(name.find_first_of("\"\n\t"), std::string::npos) << name;
}

TEST(SystemInfoTest, NamesInstructionSetsOfThisProcessor) {
  const std::vector<std::string> features = processor_features();
#if defined(__x86_64__)
  const bool has_avx2 = std::find(features.begin(), features.end(), "AVX2") != features.end();
  EXPECT_EQ(has_avx2, __builtin_cpu_supports("avx2") != 0);
#else
  EXPECT_NE(std::find(features.begin(), features.end(), "NEON"), features.end());
#endif
}

TEST(SystemInfoTest, NamesTheSystem) {
  const std::string name = system_name();
  EXPECT_TRUE(name.find("Linux") != std::string::npos || name.starts_with("macOS 1") ||
              name.starts_with("macOS 2"))
      << name;
  EXPECT_EQ(name.find_first_of("\"\n"), std::string::npos) << name;
}

}  // namespace
}  // namespace oko

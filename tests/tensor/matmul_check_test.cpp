#include "tensor/matmul_check.h"

#include <gtest/gtest.h>

#include "tensor/device.h"
#include "tests/support/graph_device.h"

namespace oko::tensor {
namespace {

void expect_right() {
  const std::vector<MatmulDifference> all = check_matmuls();
  EXPECT_EQ(all.size(), 4u);
  for (const MatmulDifference& each : all) {
    EXPECT_TRUE(each.is_right()) << each.kernel << ": " << each.difference;
    EXPECT_GT(each.difference, 0) << each.kernel;
  }
}

TEST(MatmulCheckTest, CpuKernelsAreRight) {
  select_device(Device::kCpu);
  expect_right();
}

TEST(MatmulCheckTest, TheGraphIsRight) {
  select_device(graph_device());
  expect_right();
}

}  // namespace
}  // namespace oko::tensor

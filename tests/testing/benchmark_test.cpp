// The reference figures of `run_benchmark`.
#include "testing/benchmark.h"

#include <gtest/gtest.h>

namespace oko::testing {
namespace {

BenchmarkResult decode_a_little() {
  return run_benchmark({.kind = BenchmarkKind::kDecode,
                        .model = std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl",
                        .repeats = 1,
                        .tokens = 4});
}

TEST(BenchmarkTest, APassByTheCpuKernelsIsComparedWithTheCpu) {
  tensor::select_device(tensor::Device::kCpu);
  const BenchmarkResult result = decode_a_little();
  EXPECT_EQ(result.device, tensor::Device::kCpu);
  ASSERT_TRUE(result.cpu);
  EXPECT_GT(result.cpu->threads, 0u);
  EXPECT_GT(result.cpu->peak.read_bytes_per_second, 0);
  EXPECT_GT(result.cpu->peak.flops_per_second, 0);
}

TEST(BenchmarkTest, APassByMlxIsNotComparedWithTheCpu) {
  tensor::select_device(tensor::Device::kGraphOnCpu);
  const BenchmarkResult result = decode_a_little();
  EXPECT_EQ(result.device, tensor::Device::kGraphOnCpu);
  EXPECT_GT(result.bytes_per_second(), 0);
  EXPECT_FALSE(result.cpu);
}

}  // namespace
}  // namespace oko::testing

#include "tensor/cpu/roofline_probe.h"

#include <cstddef>
#include <vector>

#include "tests/tensor/targets.h"

namespace oko::tensor {
namespace {

class RooflineProbeTest : public TargetTest {};

TEST_P(RooflineProbeTest, EachPatternReadsEachNumberOnce) {
  constexpr std::size_t kCount = 4096;
  std::vector<float> values(kCount);
  float sum = 0;  // exact: all sums are below 2^24
  for (std::size_t i = 0; i < kCount; ++i) sum += values[i] = static_cast<float>(i);
  for (const std::size_t streams : {1, 2, 4}) {
    for (const std::size_t bytes_ahead : {0, 1024}) {
      EXPECT_EQ(cpu::sum_floats(values.data(), kCount, {streams, bytes_ahead}), sum)
          << streams << " streams, " << bytes_ahead << " bytes ahead";
    }
  }
}

OKO_FOR_EVERY_TARGET(RooflineProbeTest);

}  // namespace
}  // namespace oko::tensor

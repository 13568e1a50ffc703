// Memory of arrays with MLX's CUDA library. Here it is MLX's CPU library, whose buffers MLX makes
// too: this program only pretends that it is the CUDA one.
#include "tensor/cuda_buffers.h"

#include <mlx/memory.h>
#include <mlx/mlx.h>

#include <numeric>

#include "tensor/allocator.h"
#include "tensor/device.h"
#include "tensor/weights.h"
#include "tests/support/weight_files.h"

namespace mlx::core::cu {

bool is_available() {
  return true;
}

}  // namespace mlx::core::cu

namespace oko::tensor {
namespace {

constexpr std::size_t kBytes = 1 << 20;

TEST(CudaBuffersTest, LargeArraysAreMadeByMlx) {
  ASSERT_TRUE(uses_cuda_buffers());
  const std::size_t before = mx::get_active_memory();
  const mx::array array(allocate(kBytes), {kBytes}, mx::uint8);
  EXPECT_GE(mx::get_active_memory(), before + kBytes);
}

TEST(CudaBuffersTest, WeightsAreCopiedIntoBuffersOfMlx) {
  select_device(Device::kCpu);
  std::vector<float> values(kBytes / sizeof(float) + 1);
  std::iota(values.begin(), values.end(), 0.0f);
  TemporaryFolder folder;
  folder.write(
      "model.safetensors",
      safetensors_file({{"w", "F32", {static_cast<int>(values.size())}, bytes_of(values)}}));
  const std::size_t before = mx::get_active_memory();
  const Weights weights = Weights::open(folder.path());
  EXPECT_GE(mx::get_active_memory(), before + kBytes);
  const mx::array array = weights.get("w");
  EXPECT_EQ(std::vector<float>(array.data<float>(), array.data<float>() + array.size()), values);
}

}  // namespace
}  // namespace oko::tensor

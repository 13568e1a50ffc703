#include "tensor/device_report.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tensor/device.h"
#include "tests/support/scratch_folder.h"

namespace oko::tensor {
namespace {

class DeviceReportTest : public ScratchFolderTest {};

TEST_F(DeviceReportTest, ReadsTheGenerationOfAnArchitecture) {
  EXPECT_EQ(generation_of("applegpu_g13s"), 13);
  EXPECT_EQ(generation_of("applegpu_g17p"), 17);
  EXPECT_EQ(generation_of("applegpu_g9x"), 9);
  for (const char* other : {"", "applegpu", "applegpu_g", "sm_90"}) {
    EXPECT_EQ(generation_of(other), 0) << other;
  }
}

TEST_F(DeviceReportTest, AGpuWithAcceleratorsNeedsKernelsForThem) {
  const std::filesystem::path with = folder_ / "with", without = folder_ / "without";
  write_file_atomically(with, std::string(5000, 'x') + "steel_gemm_fused_nax_nn_bfloat16");
  write_file_atomically(without, std::string(5000, 'x') + "steel_gemm_fused_nn_bfloat16");
  EXPECT_EQ(kernel_fit(17, with), KernelFit::kFits);
  EXPECT_EQ(kernel_fit(17, without), KernelFit::kLacksAccelerators);
  EXPECT_EQ(kernel_fit(18, without), KernelFit::kLacksAccelerators);
  EXPECT_EQ(kernel_fit(17, folder_ / "none"), KernelFit::kUnknown);
  EXPECT_EQ(kernel_fit(16, without), KernelFit::kFits);
}

TEST_F(DeviceReportTest, NamesTheLibraryInUse) {
  EXPECT_TRUE(mlx_version().starts_with("0.")) << mlx_version();
  EXPECT_TRUE(std::filesystem::is_directory(kernel_file().parent_path())) << kernel_file();
}

TEST_F(DeviceReportTest, FindsTheGpuThatModelsRunOn) {
  select_device(Device::kAuto);
  if (!on_gpu()) GTEST_SKIP() << "no GPU";
  const std::optional<Gpu> gpu = find_gpu();
  ASSERT_TRUE(gpu);
  EXPECT_EQ(gpu->name, gpu_name());
}

}  // namespace
}  // namespace oko::tensor

#include "tensor/device.h"

#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <limits>

#include "base/stop_token.h"
#include "tensor/compute_dtype.h"
#include "tensor/finite.h"
#include "tests/support/weight_files.h"

namespace oko::tensor {
namespace {

TEST(DeviceTest, WithoutASettingTheGpuIsUsedWhereThereIsOne) {
  EXPECT_EQ(device_of_setting("", true), Device::kGpu);
  EXPECT_EQ(device_of_setting("", false), Device::kCpu);
}

TEST(DeviceTest, TheSettingNamesTheDevice) {
  EXPECT_EQ(device_of_setting("cpu", true), Device::kCpu);
  EXPECT_EQ(device_of_setting("gpu", true), Device::kGpu);
}

TEST(DeviceTest, ASettingThatCannotBeMetIsWrongUsage) {
  const Error unknown = error_of([] { device_of_setting("tpu", true); });
  EXPECT_EQ(unknown.code(), ErrorCode::kUsage);
  EXPECT_STREQ(unknown.what(), "OKO_DEVICE is \"tpu\", expected cpu or gpu");
  const Error missing = error_of([] { device_of_setting("gpu", false); });
  EXPECT_EQ(missing.code(), ErrorCode::kUsage);
  EXPECT_NE(missing.hint().in(Language::kEnglish, KnobStyle::kFlag).find("OKO_DEVICE=cpu"),
            std::string::npos)
      << missing.hint();
}

TEST(DeviceTest, TheSettingOfTheDtypeIsFloat16OrNothing) {
  EXPECT_EQ(half_of_setting(""), HalfDtype::kAsStored);
  EXPECT_EQ(half_of_setting("float16"), HalfDtype::kFloat16);
  const Error unknown = error_of([] { half_of_setting("fp8"); });
  EXPECT_EQ(unknown.code(), ErrorCode::kUsage);
  EXPECT_STREQ(unknown.what(), "OKO_DTYPE is fp8, expected float16");
}

TEST(DeviceTest, OnlyAGraphConvertsToFloat16) {
  select_device(Device::kGraphOnCpu, HalfDtype::kFloat16);
  prepare_device();  // kAuto keeps it
  EXPECT_TRUE(converts_to_float16());
  select_device(Device::kGraphOnCpu);
  EXPECT_FALSE(converts_to_float16());
  select_device(Device::kCpu, HalfDtype::kFloat16);
  EXPECT_FALSE(converts_to_float16());
  select_device(Device::kCpu);
}

TEST(DeviceTest, NaNErrorNamesFloat16IfInUse) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_NO_THROW(require_finite(65504.0f));
  select_device(Device::kGraphOnCpu, HalfDtype::kFloat16);
  EXPECT_NE(error_of([&] { require_finite(infinity); })
                .hint()
                .in(Language::kEnglish, KnobStyle::kFlag)
                .find("OKO_DTYPE"),
            std::string::npos);
  select_device(Device::kCpu);
  EXPECT_NE(error_of([&] { require_finite(-infinity); })
                .hint()
                .in(Language::kEnglish, KnobStyle::kFlag)
                .find("download it again"),
            std::string::npos);
}

TEST(DeviceTest, AChoiceHoldsForTheWholeProcess) {
  select_device(Device::kGraphOnCpu);
  prepare_device();  // kAuto, like a model thread
  JoiningThread([] {
    EXPECT_EQ(device(), Device::kGraphOnCpu);
    EXPECT_TRUE(uses_graph());
    EXPECT_FALSE(on_gpu());
    EXPECT_EQ(compute_dtype(mx::bfloat16), mx::bfloat16);
    EXPECT_EQ(mx::default_device(), mx::Device::cpu);
    EXPECT_EQ(mx::add(mx::array(1), mx::array(2)).item<int>(), 3);
  }).join();
  select_device(Device::kCpu);
  EXPECT_FALSE(uses_graph());
  EXPECT_EQ(compute_dtype(mx::bfloat16), mx::float32);
  EXPECT_EQ(gpu_working_set_bytes(), 0u);
}

TEST(DeviceTest, AGpuThatIsMissingIsNotSelected) {
  if (mx::device_count(mx::Device::gpu) > 0) GTEST_SKIP() << "this machine has a GPU";
  select_device(Device::kCpu);
  EXPECT_EQ(error_of([] { prepare_device({.device = Device::kGpu}); }).code(), ErrorCode::kUsage);
  EXPECT_EQ(device(), Device::kCpu);
}

}  // namespace
}  // namespace oko::tensor

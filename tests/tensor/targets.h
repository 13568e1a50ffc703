// Runs a test once for every SIMD instruction set that this machine has and oko_tensor is built
// for.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstdint>
#include <string>

namespace oko::tensor {

/// The parameter is a HWY_* target, which the kernels are bound to for the test's duration.
class TargetTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    ASSERT_EQ(hwy::SupportedTargets(), GetParam());
    hwy::GetChosenTarget().Update(GetParam());
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
};

inline std::string target_name(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}

}  // namespace oko::tensor

#define OKO_FOR_EVERY_TARGET(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
                           ::oko::tensor::target_name)

// Runs a test once for every SIMD instruction set that this machine has and oko_tensor is built
// for.
#pragma once

#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstdint>
#include <string>

#include "tensor/cpu/arm_dot.h"

namespace oko::tensor {

/// Binds the kernels to a HWY_* target.
inline void bind_kernels(std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  ASSERT_EQ(hwy::SupportedTargets(), target);
  hwy::GetChosenTarget().Update(target);
}

inline void free_kernels() {
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

/// The parameter is the target that the kernels are bound to for the test's duration.
class TargetTest : public ::testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { bind_kernels(GetParam()); }
  void TearDown() override { free_kernels(); }
};

/// What Arm's products of bytes, one kind after the other, give for `result`; none on other
/// processors.
template <typename Result>
void expect_equal_for_arm_dots(Result result) {
  const cpu::ArmDot all = cpu::arm_dot();
  cpu::use_arm_dot(cpu::ArmDot::kNone);
  const auto expected = result();
  for (const auto dot : {cpu::ArmDot::kDot, cpu::ArmDot::kMatrix}) {
    if (dot > all) break;
    cpu::use_arm_dot(dot);
    EXPECT_EQ(result(), expected) << "ArmDot " << static_cast<int>(dot);
  }
  cpu::use_arm_dot(all);
}

inline std::string target_name(const ::testing::TestParamInfo<std::int64_t>& info) {
  return hwy::TargetName(info.param);
}

}  // namespace oko::tensor

#define OKO_FOR_EVERY_TARGET(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()), \
                           ::oko::tensor::target_name)

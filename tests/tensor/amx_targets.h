// Runs a test once for every SIMD instruction set, once more with AMX, and with each of Arm's kinds
// of products of bytes.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tensor/cpu/arm_dot.h"
#include "tests/tensor/amx_emulator.h"
#include "tests/tensor/targets.h"

namespace oko::tensor {

struct AmxTarget {
  std::int64_t vectors;  ///< a HWY_* target
  bool amx;
  cpu::ArmDot arm_dot = cpu::ArmDot::kNone;
};

/// All targets of vectors, AMX with those of its processors, and what this Arm processor has.
inline std::vector<AmxTarget> amx_targets() {
  std::vector<AmxTarget> targets;
  for (const std::int64_t vectors : hwy::SupportedAndGeneratedTargets()) {
    targets.push_back({vectors, false});
    if (vectors == HWY_AVX3_DL && provide_amx()) targets.push_back({vectors, true});
    for (const auto dot : {cpu::ArmDot::kDot, cpu::ArmDot::kMatrix}) {
      if (dot <= cpu::arm_dot()) targets.push_back({vectors, false, dot});
    }
  }
  return targets;
}

class AmxTargetTest : public ::testing::TestWithParam<AmxTarget> {
 protected:
  void SetUp() override {
    bind_kernels(GetParam().vectors);
    cpu::use_amx(GetParam().amx);
    cpu::use_arm_dot(GetParam().arm_dot);
  }
  void TearDown() override { free_kernels(); }
};

inline std::string name_of(const AmxTarget& target) {
  constexpr const char* kDots[] = {"", "_dotprod", "_i8mm"};
  return std::string(hwy::TargetName(target.vectors)) + (target.amx ? "_AMX" : "") +
         kDots[static_cast<int>(target.arm_dot)];
}

inline void PrintTo(const AmxTarget& target, std::ostream* out) {
  *out << name_of(target);
}

}  // namespace oko::tensor

#define OKO_FOR_EVERY_TARGET_AND_AMX(suite)                                            \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(oko::tensor::amx_targets()), \
                           [](const auto& info) { return name_of(info.param); })

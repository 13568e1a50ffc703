// Runs a test once for every SIMD instruction set, and once more with AMX.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/tensor/amx_emulator.h"
#include "tests/tensor/targets.h"

namespace oko::tensor {

struct AmxTarget {
  std::int64_t vectors;  ///< a HWY_* target
  bool amx;
};

/// All targets of vectors, and AMX with those of its processors.
inline std::vector<AmxTarget> amx_targets() {
  std::vector<AmxTarget> targets;
  for (const std::int64_t vectors : hwy::SupportedAndGeneratedTargets()) {
    targets.push_back({vectors, false});
    if (vectors == HWY_AVX3_DL && provide_amx()) targets.push_back({vectors, true});
  }
  return targets;
}

class AmxTargetTest : public ::testing::TestWithParam<AmxTarget> {
 protected:
  void SetUp() override {
    bind_kernels(GetParam().vectors);
    cpu::use_amx(GetParam().amx);
  }
  void TearDown() override { free_kernels(); }
};

inline std::string name_of(const AmxTarget& target) {
  return std::string(hwy::TargetName(target.vectors)) + (target.amx ? "_AMX" : "");
}

inline void PrintTo(const AmxTarget& target, std::ostream* out) {
  *out << name_of(target);
}

}  // namespace oko::tensor

#define OKO_FOR_EVERY_TARGET_AND_AMX(suite)                                            \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(oko::tensor::amx_targets()), \
                           [](const auto& info) { return name_of(info.param); })

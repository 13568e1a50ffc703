#pragma once

namespace oko::tensor::cpu {

/// What an Arm processor has for products of bytes, each with all that is before it.
enum class ArmDot {
  kNone,
  kDot,     ///< sums of four products: FEAT_DotProd, as of an Apple M1
  kMatrix,  ///< of two rows with two rows, eight products each: FEAT_I8MM, as of an Apple M2
};

/// What the processor has, as its system says.
ArmDot supported_arm_dot();

/// What products use; all that the processor has, unless `use_arm_dot` changed it.
ArmDot arm_dot();

/// For tests: less than the processor has.
void use_arm_dot(ArmDot use);

}  // namespace oko::tensor::cpu

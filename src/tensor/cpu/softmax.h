#pragma once

#include <cstddef>

namespace oko::tensor::cpu {

/// Replaces each of `count` logits by exp((logit - maximum) / temperature), in place, and returns
/// their sum: a softmax that is not normalised yet. `maximum` is the largest of them, finite;
/// temperature > 0; a logit of -infinity becomes 0. One pass on the calling thread.
double softmax_weights(float* logits, std::size_t count, float maximum, float temperature);

}  // namespace oko::tensor::cpu

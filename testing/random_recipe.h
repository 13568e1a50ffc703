#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "checkpoint/safetensors_writer.h"

namespace oko::testing {

/// The recipe of the elements of a random tensor; tools/parity/README.md has the formulas and
/// tools/parity/recipe.py makes the same bits.
enum class Recipe {
  kWeight,     ///< of a linear, an embedding, a patch embedding: variance 1 / fan_in
  kNorm,       ///< around 1
  kBias,       ///< around 0
  kPositions,  ///< position embeddings, in -0.5..0.5
  kCodes,      ///< packed words of a quantized layer
  kScales,     ///< of a quantized layer: variance 1 / fan_in with random codes
  kOffsets,    ///< "biases" of a quantized layer
};

/// A tensor of a random checkpoint.
struct RandomTensor {
  checkpoint::TensorDeclaration declaration;  ///< float32, bfloat16; uint32 for kCodes
  Recipe recipe = Recipe::kWeight;
  std::int64_t fan_in = 0;  ///< inputs of the layer; only for kWeight, kScales, kOffsets
  int bits = 0;             ///< of a quantized layer: 4 or 8
};

/// Fills `out` with the elements of `tensor` from element `begin` on. The bits depend only on the
/// name of the tensor, `seed` and the number of the element.
void fill_random(const RandomTensor& tensor, std::uint64_t seed, std::uint64_t begin,
                 std::span<std::byte> out);

/// A letter below U+0800 of a random tokenizer.
std::string utf8(unsigned code_point);

}  // namespace oko::testing

#include "testing/random_recipe.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <string_view>

#include "tensor/affine_quantizer.h"

namespace oko::testing {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9E3779B97F4A7C15;

/// FNV-1a of the name, with the seed.
std::uint64_t sequence_base(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash ^ (seed * kGoldenGamma);
}

/// Element `index` of the splitmix64 sequence that starts at `base`.
std::uint64_t splitmix64(std::uint64_t base, std::uint64_t index) {
  std::uint64_t h = base + (index + 1) * kGoldenGamma;
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9;
  h = (h ^ (h >> 27)) * 0x94D049BB133111EB;
  return h ^ (h >> 31);
}

/// value = factor * (offset + slope * u). Every slope is a power of two, so that the result is the
/// same with and without a fused inner product and sum.
struct Formula {
  float factor = 1;
  float offset = 0;
  float slope = 1;

  float operator()(std::uint64_t hash) const {
    const auto k = static_cast<std::int32_t>(hash >> 40) - (1 << 23);
    const float u = static_cast<float>(k) * 0x1p-23F;
    return factor * (offset + slope * u);
  }
};

Formula formula_of(const RandomTensor& tensor) {
  const auto inputs = static_cast<double>(tensor.fan_in);
  // 4.6 and 73.9 are the standard deviations of uniform 4-bit and 8-bit codes.
  const double step = 1.0 / ((tensor.bits == 4 ? 4.6 : 73.9) * std::sqrt(inputs));
  switch (tensor.recipe) {
    case Recipe::kWeight:
      return {static_cast<float>(std::sqrt(3.0 / inputs)), 0, 1};
    case Recipe::kNorm:
      return {1, 1, 0.125F};
    case Recipe::kBias:
      return {1, 0, 0.0625F};
    case Recipe::kPositions:
      return {1, 0, 0.5F};
    case Recipe::kScales:
      return {static_cast<float>(step), 1, 0.25F};
    case Recipe::kOffsets: {
      const double middle = -static_cast<double>((1 << tensor.bits) - 1) / 2.0 * step;
      return {static_cast<float>(middle), 1, 0.125F};
    }
    case Recipe::kCodes:
      break;
  }
  assert(false && "codes have no formula");
  return {};
}

template <typename Element, typename Make>
void fill(std::uint64_t base, std::uint64_t begin, std::span<std::byte> out, Make make) {
  for (std::size_t i = 0; i * sizeof(Element) < out.size(); ++i) {
    const Element element = make(splitmix64(base, begin + i));
    std::memcpy(out.data() + i * sizeof(Element), &element, sizeof(Element));
  }
}

}  // namespace

void fill_random(const RandomTensor& tensor, std::uint64_t seed, std::uint64_t begin,
                 std::span<std::byte> out) {
  const std::uint64_t base = sequence_base(tensor.declaration.name, seed);
  if (tensor.recipe == Recipe::kCodes) {
    fill<std::uint32_t>(base, begin, out,
                        [](std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); });
    return;
  }
  const Formula formula = formula_of(tensor);
  if (tensor.declaration.dtype == checkpoint::Dtype::kBfloat16) {
    fill<std::uint16_t>(base, begin, out, [&](std::uint64_t hash) {
      return tensor::to_half_bits(formula(hash), checkpoint::Dtype::kBfloat16);
    });
  } else {
    assert(tensor.declaration.dtype == checkpoint::Dtype::kFloat32);
    fill<float>(base, begin, out, formula);
  }
}

std::string utf8(unsigned code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3F))};
}

}  // namespace oko::testing

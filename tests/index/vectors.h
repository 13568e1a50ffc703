// Vectors for tests of the dense index: unit f32, and the inner products that f64 has.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "index/dense_scan.h"
#include "index/vector_codes.h"

namespace oko::index {

inline double inner_product(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// Vectors one after the other.
struct VectorSet {
  std::span<const float> of(std::size_t row) const {
    return {values.data() + row * dimensions, dimensions};
  }
  std::size_t rows() const { return values.size() / dimensions; }

  std::size_t dimensions;
  std::vector<float> values;
};

inline void make_unit(std::span<float> vector) {
  const double norm = std::sqrt(inner_product(vector, vector));
  for (float& x : vector) x = static_cast<float>(x / norm);
}

/// Unit vectors of normal noise around as many centres as `clusters` (0: none), which have two
/// coordinates in common that are 8 times as large as others: what encoders make looks like it.
inline VectorSet unit_vectors(std::size_t rows, std::size_t dimensions, unsigned seed,
                              std::size_t clusters = 0) {
  std::mt19937 random(seed), centres(7);
  std::normal_distribution<float> normal;
  std::vector<float> centre(clusters * dimensions);
  for (std::size_t i = 0; i < centre.size(); ++i) {
    const std::size_t column = i % dimensions;
    centre[i] = column == 3 || column == 17 ? 8.0f : normal(centres);
  }
  VectorSet set{dimensions, std::vector<float>(rows * dimensions)};
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t cluster = clusters == 0 ? 0 : random() % clusters;
    const std::span<float> vector{set.values.data() + row * dimensions, dimensions};
    for (std::size_t i = 0; i < dimensions; ++i) {
      vector[i] = normal(random);
      if (clusters != 0) vector[i] = 0.6f * vector[i] + centre[cluster * dimensions + i];
    }
    make_unit(vector);
  }
  return set;
}

/// Codes of a set.
struct CodedSet {
  explicit CodedSet(const VectorSet& set) : dimensions(set.dimensions) {
    codes.resize(set.values.size());
    for (std::size_t row = 0; row < set.rows(); ++row) {
      const std::span<std::uint8_t> to{codes.data() + row * dimensions, dimensions};
      scales.push_back(encode_vector(set.of(row), to));
    }
  }
  CodeView view() const { return view_of(codes, scales, dimensions); }

  std::size_t dimensions;
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
};

}  // namespace oko::index

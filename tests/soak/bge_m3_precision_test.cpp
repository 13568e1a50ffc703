// The effect of 8-bit activations on vectors after 24 layers of BGE-M3's dimensions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "models/bge_m3/model.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"

namespace oko::models::bge_m3 {
namespace {

using tensor::cpu::Precision;

double cosine(const float* a, const float* b, std::size_t count) {
  const double dot = std::inner_product(a, a + count, b, 0.0);
  const double aa = std::inner_product(a, a + count, a, 0.0);
  const double bb = std::inner_product(b, b + count, b, 0.0);
  return dot / std::sqrt(aa * bb);
}

TEST(BgeM3PrecisionTest, VectorsOfAllLayersKeepTheirDirections) {
  PackedTexts texts{{}, {0}};
  for (const int length : {8, 40, 200}) {
    for (int i = 0; i < length; ++i) {
      texts.ids.push_back(i == 0 ? 0 : i + 1 == length ? 2 : 4 + (i * 7919 + length) % 249'990);
    }
    texts.cu_seqlens.push_back(static_cast<int>(texts.ids.size()));
  }
  const auto model = Model::load(RandomModels::get("bge-m3", 1));
  const auto encode = [&](Precision precision) {
    tensor::prepare_device({.precision = precision});
    return model->encode(texts, {.colbert = true});
  };
  const auto exact = encode(Precision::kFloat32), rounded = encode(Precision::kInt16Activations);
  double least_dense = 1, least_row = 1, sum = 0;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    least_dense = std::min(
        least_dense, cosine(exact[i].dense.data(), rounded[i].dense.data(), exact[i].dense.size()));
    const TokenVectors& a = exact[i].colbert;
    for (std::size_t r = 0; r < a.count(); ++r, ++rows) {
      const double row = cosine(a.row(r), rounded[i].colbert.row(r), a.dimensions);
      least_row = std::min(least_row, row);
      sum += row;
    }
  }
  std::printf("dense: least cosine %.6f; ColBERT: least %.6f, mean %.6f\n", least_dense, least_row,
              sum / static_cast<double>(rows));
  EXPECT_GT(least_dense, 0.999);
  EXPECT_GT(least_row, 0.999);
}

}  // namespace
}  // namespace oko::models::bge_m3

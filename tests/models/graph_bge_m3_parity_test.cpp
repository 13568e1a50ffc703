// BGE-M3's graph, as a GPU runs it, against the references of bge_m3_parity_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_file.h"
#include "models/bge_m3/model.h"
#include "tests/support/graph_device.h"
#include "tests/support/random_models.h"

namespace oko::models::bge_m3 {
namespace {

using nlohmann::json;

constexpr Outputs kAll{true, true, true};

struct Case {
  const char* golden;
  const char* shape;
  bool is_f32;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.golden;
}

/// Tolerance of elements of vectors of length 1, and of token weights relative to the largest one;
/// at most twice the measured error.
std::pair<double, double> tolerances_of(const Case& c) {
  // A GPU may multiply f32 in TF32, whose numbers have 10 bits after the point.
  if (c.is_f32) return has_gpu() ? std::pair(5e-3, 5e-3) : std::pair(1e-4, 1e-4);
  // bf16 rounds to 2^-9 of a value, and MLX's CPU device sums quantized products in it (see
  // graph_parity_test.cpp). The errors of a hidden state's elements add up in a token's weight.
  return {10 * 0x1p-9, 100 * 0x1p-9};
}

class GraphBgeM3ParityTest : public ::testing::TestWithParam<Case> {};

double largest_difference(const float* actual, const std::vector<double>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(actual[i] - expected[i]));
  }
  return largest;
}

TEST_P(GraphBgeM3ParityTest, OutputsEqualTheReference) {
  tensor::prepare_device({.device = graph_device()});
  const json golden = read_json_object(
      std::string(OKO_TEST_DATA) + "/" + GetParam().golden + ".json", ErrorCode::kFailed);
  const auto model =
      Model::load(RandomModels::get(GetParam().shape, golden.at("seed").get<std::uint64_t>()));
  const json& sequences = golden.at("sequences");
  PackedTexts texts{{}, {0}};
  for (const json& sequence : sequences) {
    for (const json& id : sequence.at("ids")) texts.ids.push_back(id.get<std::int32_t>());
    texts.cu_seqlens.push_back(static_cast<int>(texts.ids.size()));
  }
  const std::vector<Encoding> encodings = model->encode(texts, kAll);
  ASSERT_EQ(encodings.size(), sequences.size());
  double dense = 0, sparse = 0, colbert = 0, largest_weight = 0;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const json& expected = sequences.at(i);
    const std::vector<double> vector = expected.at("dense");
    ASSERT_EQ(encodings[i].dense.size(), vector.size());
    dense = std::max(dense, largest_difference(encodings[i].dense.data(), vector));
    std::map<std::int32_t, double> weights;
    for (const auto& [id, weight] : expected.at("sparse").items()) weights[std::stoi(id)] = weight;
    for (const auto& [id, weight] : weights) largest_weight = std::max(largest_weight, weight);
    for (const auto& [id, weight] : encodings[i].sparse) {
      sparse = std::max(sparse, std::abs(weight - weights[id]));
    }
    const json& rows = expected.at("colbert").at("rows");
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const float* row = encodings[i].colbert.row(rows.at(r).get<std::size_t>());
      colbert =
          std::max(colbert, largest_difference(row, expected.at("colbert").at("vectors").at(r)));
    }
  }
  RecordProperty("dense", std::to_string(dense));
  RecordProperty("sparse", std::to_string(sparse / largest_weight));
  RecordProperty("colbert", std::to_string(colbert));
  const auto [vector, weight] = tolerances_of(GetParam());
  EXPECT_LE(dense, vector);
  EXPECT_LE(colbert, vector);
  EXPECT_LE(sparse, weight * largest_weight);
}

INSTANTIATE_TEST_SUITE_P(Of, GraphBgeM3ParityTest,
                         ::testing::Values(Case{"bge_m3_small_f32", "bge-m3-small-f32", true},
                                           Case{"bge_m3_small_8bit", "bge-m3-small-8bit", false}),
                         [](const auto& info) { return std::string(info.param.golden); });

}  // namespace
}  // namespace oko::models::bge_m3

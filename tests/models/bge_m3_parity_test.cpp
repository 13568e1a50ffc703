// oko's BGE-M3 against transformers and FlagEmbedding's formulas in f64, on random weights:
// tools/parity/bge_m3_golden.py.
#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json_file.h"
#include "models/bge_m3/model.h"
#include "models/bge_m3/similarity.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"

namespace oko::models::bge_m3 {
namespace {

namespace mx = mlx::core;
using nlohmann::json;
using tensor::cpu::Precision;

struct Case {
  const char* golden;
  const char* shape;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.golden;
}

/// Rows of a hidden state.
struct Stage {
  std::vector<float> values;
  std::size_t width = 0;
};

class BgeM3ParityTest : public ::testing::TestWithParam<Case> {
 protected:
  void open(Precision precision) {
    tensor::prepare_device({.precision = precision});
    golden_ = read_json_object(std::string(OKO_TEST_DATA) + "/" + GetParam().golden + ".json",
                               ErrorCode::kFailed);
    model_ =
        Model::load(RandomModels::get(GetParam().shape, golden_.at("seed").get<std::uint64_t>()));
  }

  const json& sequences() const { return golden_.at("sequences"); }

  /// All sequences of the golden, in one pass.
  PackedTexts packed() const {
    PackedTexts texts{{}, {0}};
    for (const json& sequence : sequences()) {
      for (const json& id : sequence.at("ids")) texts.ids.push_back(id.get<std::int32_t>());
      texts.cu_seqlens.push_back(static_cast<int>(texts.ids.size()));
    }
    return texts;
  }

  PackedTexts alone(std::size_t number) const {
    const auto ids = sequences().at(number).at("ids").get<std::vector<std::int32_t>>();
    return {ids, {0, static_cast<int>(ids.size())}};
  }

  json golden_;
  std::unique_ptr<Model> model_;
};

constexpr Outputs kAll{true, true, true};

double largest_difference(const std::vector<float>& actual, const std::vector<double>& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  double largest = actual.size() == expected.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < std::min(actual.size(), expected.size()); ++i) {
    largest = std::max(largest, std::abs(actual[i] - expected[i]));
  }
  return largest;
}

double cosine(const float* a, const std::vector<double>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    dot += a[i] * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += b[i] * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

TEST_P(BgeM3ParityTest, OutputsInFloatEqualTheReference) {
  open(Precision::kFloat32);
  const std::vector<Encoding> encodings = model_->encode(packed(), kAll);
  ASSERT_EQ(encodings.size(), sequences().size());
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const json& expected = sequences().at(i);
    EXPECT_LT(largest_difference(encodings[i].dense, expected.at("dense")), 1e-5) << i;

    std::map<std::int32_t, double> sparse;
    for (const auto& [id, weight] : expected.at("sparse").items()) sparse[std::stoi(id)] = weight;
    ASSERT_EQ(encodings[i].sparse.size(), sparse.size()) << i;
    auto at = sparse.begin();
    for (const auto& [id, weight] : encodings[i].sparse) {
      EXPECT_EQ(id, at->first);
      EXPECT_NEAR(weight, at->second, 1e-5) << id;
      ++at;
    }

    const TokenVectors& vectors = encodings[i].colbert;
    EXPECT_EQ(vectors.count(), expected.at("ids").size() - 1);
    const json& rows = expected.at("colbert").at("rows");
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const float* row = vectors.row(rows.at(r).get<std::size_t>());
      EXPECT_LT(largest_difference({row, row + vectors.dimensions},
                                   expected.at("colbert").at("vectors").at(r)),
                1e-5)
          << i << ", row " << rows.at(r);
    }
  }
}

TEST_P(BgeM3ParityTest, HiddenStatesOfEveryLayerEqualTheReference) {
  open(Precision::kFloat32);
  for (std::size_t i = 0; i < sequences().size(); ++i) {
    if (!sequences().at(i).contains("hidden")) continue;
    std::vector<Stage> stages;
    model_->encode(alone(i), {}, {}, [&](const std::string&, const mx::array& output) {
      mx::array rows = mx::contiguous(output);
      rows.eval();
      stages.push_back({{rows.data<float>(), rows.data<float>() + rows.size()},
                        static_cast<std::size_t>(rows.shape(1))});
    });
    const json& hidden = sequences().at(i).at("hidden");
    ASSERT_EQ(stages.size(), hidden.size());
    for (std::size_t layer = 0; layer < stages.size(); ++layer) {
      const auto& [values, width] = stages[layer];
      const std::vector<double> first = hidden.at(layer).at("first");
      const std::vector<double> last = hidden.at(layer).at("last");
      const auto begin = values.begin(), end = values.end() - static_cast<std::ptrdiff_t>(width);
      const auto count = static_cast<std::ptrdiff_t>(first.size());
      EXPECT_LT(largest_difference({begin, begin + count}, first), 2e-5) << i << ", " << layer;
      EXPECT_LT(largest_difference({end, end + count}, last), 2e-5) << i << ", " << layer;
    }
  }
}

TEST_P(BgeM3ParityTest, ScoresEqualTheReference) {
  open(Precision::kFloat32);
  const json& scores = golden_.at("scores");
  const std::vector<Encoding> encodings = model_->encode(packed(), kAll);
  const Encoding& query = encodings.at(scores.at("query").get<std::size_t>());
  const Encoding& passage = encodings.at(scores.at("passage").get<std::size_t>());
  EXPECT_NEAR(dense_score(query, passage), scores.at("dense").get<double>(), 1e-5);
  EXPECT_NEAR(sparse_score(query, passage), scores.at("lexical").get<double>(), 1e-5);
  EXPECT_NEAR(colbert_score(query, passage), scores.at("colbert").get<double>(), 1e-5);
  EXPECT_NEAR(fused_score(query, passage), scores.at("weighted").get<double>(), 1e-5);
}

TEST_P(BgeM3ParityTest, IntegerProductsKeepTheDirections) {
  open(Precision::kInt16Activations);
  const std::vector<Encoding> encodings = model_->encode(packed(), kAll);
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const json& expected = sequences().at(i);
    EXPECT_GT(cosine(encodings[i].dense.data(), expected.at("dense")), 0.9995) << i;
    const json& rows = expected.at("colbert").at("rows");
    for (std::size_t r = 0; r < rows.size(); ++r) {
      EXPECT_GT(cosine(encodings[i].colbert.row(rows.at(r).get<std::size_t>()),
                       expected.at("colbert").at("vectors").at(r)),
                0.9995)
          << i << ", row " << rows.at(r);
    }
  }
}

TEST_P(BgeM3ParityTest, ATextAloneHasTheVectorsItHasAmongOthers) {
  for (const Precision precision : {Precision::kFloat32, Precision::kInt16Activations}) {
    open(precision);
    const std::vector<Encoding> together = model_->encode(packed(), kAll);
    for (std::size_t i = 0; i < together.size(); ++i) {
      const Encoding encoding = model_->encode(alone(i), kAll).at(0);
      const auto equal = [&](const std::vector<float>& a, const std::vector<float>& b) {
        EXPECT_LT(largest_difference(a, {b.begin(), b.end()}), 1e-5) << i;
      };
      equal(encoding.dense, together[i].dense);
      equal(encoding.colbert.values, together[i].colbert.values);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, BgeM3ParityTest,
                         ::testing::Values(Case{"bge_m3_small_f32", "bge-m3-small-f32"},
                                           Case{"bge_m3_small_8bit", "bge-m3-small-8bit"},
                                           Case{"bge_m3_2layer", "bge-m3-2layer"}));

}  // namespace
}  // namespace oko::models::bge_m3

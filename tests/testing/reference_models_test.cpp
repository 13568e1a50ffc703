#include "testing/reference_models.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json_file.h"
#include "tensor/device.h"
#include "tests/support/graph_device.h"
#include "tests/support/scratch_folder.h"

namespace oko::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kDemo = fs::path(OKO_SOURCE_DIR) / "demo";
const fs::path kReferences = kDemo / "self_test/references.json";

class ReferenceModelsTest : public ScratchFolderTest {
 protected:
  static std::map<std::string, double> compare(const fs::path& references) {
    std::map<std::string, double> differences;
    for (const auto& [stage, difference] : ReferenceModels(references).compare()) {
      differences[stage] = difference;
    }
    return differences;
  }

  /// A copy of the references that `change` has changed.
  template <typename Change>
  fs::path changed(Change change) const {
    nlohmann::json references = read_json_object(kReferences, ErrorCode::kFailed);
    change(references);
    fs::path copy = folder_ / "references.json";
    write_file_atomically(copy, references.dump());
    return copy;
  }
};

TEST_F(ReferenceModelsTest, CpuKernelsEqualTheReferences) {
  tensor::prepare_device(
      {.device = tensor::Device::kCpu, .precision = tensor::cpu::Precision::kFloat32});
  const auto differences = compare(kReferences);
  EXPECT_EQ(differences.size(), 8u);
  for (const auto& [stage, difference] : differences) {
    EXPECT_LE(difference, 1e-5) << stage;
    EXPECT_GT(difference, 0) << stage;
  }
}

TEST_F(ReferenceModelsTest, TheGraphEqualsTheReferences) {
  tensor::prepare_device({.device = graph_device()});
  for (const auto& [stage, difference] : compare(kReferences)) {
    EXPECT_LE(difference, 0.15) << stage;
  }
}

TEST_F(ReferenceModelsTest, EveryStageShowsItsOwnFault) {
  tensor::prepare_device({.device = tensor::Device::kCpu});
  for (const std::string fault :
       {"patches", "vision", "deepstack", "prompt", "answer", "dense", "sparse", "colbert"}) {
    const fs::path references = changed([&](nlohmann::json& all) {
      auto& vision = all["qwen3_vl"];
      auto& text = all["bge_m3"];
      if (fault == "patches") vision["stages"][0]["values"][7] = 9;
      if (fault == "vision") vision["stages"][1]["values"][7] = 90;
      if (fault == "deepstack") vision["stages"][4]["values"][7] = 90;
      if (fault == "prompt") vision["stages"][6]["values"][7] = 90;
      if (fault == "answer") vision["answer_logits"][15] = 90;
      if (fault == "dense") text["dense"][100] = 1;
      if (fault == "sparse") text["sparse"].begin().value() = 9;
      if (fault == "colbert") text["colbert"]["vectors"][1][5] = 1;
    });
    for (const auto& [stage, difference] : compare(references)) {
      EXPECT_EQ(difference > 0.3, stage == fault) << fault << ", " << stage << ": " << difference;
    }
  }
}

TEST_F(ReferenceModelsTest, DamagedReferencesAreNamed) {
  const auto message = [](const fs::path& file) {
    return message_of([&] { ReferenceModels models(file); }, ErrorCode::kFailed);
  };
  const fs::path incomplete = changed([](nlohmann::json& all) { all["bge_m3"].erase("dense"); });
  EXPECT_NE(message(incomplete).find("references.json: is damaged"), std::string::npos);
  write_file_atomically(incomplete, "{\"qwen3_vl\": ");
  EXPECT_NE(message(incomplete).find("references.json"), std::string::npos);
  EXPECT_NE(message(folder_ / "none").find("none"), std::string::npos);
}

TEST_F(ReferenceModelsTest, ReadsThePicturesOfTheDemo) {
  const std::vector<KnownPicture> pictures = read_known_pictures(kDemo / "images/expected.jsonl");
  ASSERT_GE(pictures.size(), 6u);
  EXPECT_EQ(pictures[0].file, "stars.png");
  EXPECT_EQ(pictures[0].answer, "Три жёлтые звезды.");
  write_file_atomically(folder_ / "x", "{\"file\": \"a\"}\n");
  EXPECT_EQ(message_of([&] { read_known_pictures(folder_ / "x"); }, ErrorCode::kFailed)
                .find(folder_.string() + "/x: is damaged"),
            0u);
}

}  // namespace
}  // namespace oko::testing

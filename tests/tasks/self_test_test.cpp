#include "tasks/self_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/json_file.h"
#include "tensor/device.h"
#include "tests/support/environment.h"
#include "tests/support/graph_device.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"
#include "tests/support/tesseract.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

const fs::path kDemo = fs::path(OKO_SOURCE_DIR) / "demo";

class SelfTestTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    tensor::select_device(tensor::Device::kCpu);
    environment_.set("OKO_HOME", folder_ / "home");
    environment_.set("HF_HUB_CACHE", folder_ / "hub");
    data_ = folder_ / "data";
    for (const char* part : {"images", "self_test", "models"}) {
      fs::create_directories(data_ / part);
      fs::copy(kDemo / part, data_ / part, fs::copy_options::recursive);
    }
    options_.data = data_;
    options_.make_host = [this] {
      return std::make_shared<engine::ModelHost>(
          engine::HostOptions{.budget_bytes = options_.budget_bytes});
    };
  }

  /// The checks by their names.
  std::map<std::string, Check> run() const {
    std::map<std::string, Check> checks;
    run_self_test(options_, [&](const Check& check) { checks[check.name] = check; });
    return checks;
  }

  /// The names of those that are not ok.
  std::set<std::string> faults() const {
    std::set<std::string> names;
    for (const auto& [name, check] : run()) {
      if (check.health != Health::kOk) names.insert(name);
    }
    return names;
  }

  Environment environment_;
  fs::path data_;
  SelfTestOptions options_;
};

using Names = std::set<std::string>;

TEST_F(SelfTestTest, ARightProgramPassesEveryCheck) {
  std::set<std::string> names;
  for (const auto& [name, check] : run()) {
    names.insert(name);
    if (name == "ocr_picture" && !OKO_HAS_TESSERACT) continue;
    EXPECT_EQ(check.health, Health::kOk) << name << ": " << check.text;
    EXPECT_FALSE(check.text.empty()) << name;
    EXPECT_TRUE(check.hint.empty()) << name;
    EXPECT_FALSE(check.figures.empty()) << name;
  }
  EXPECT_EQ(names, (Names{"matmul", "memory_speed", "references_cpu", "speed", "zero_copy",
                          "switch", "ocr_picture", "pictures"}));
  EXPECT_EQ(tensor::device(), tensor::Device::kCpu);
  EXPECT_EQ(tensor::cpu_precision(), tensor::cpu::Precision::kInt16Activations);
}

TEST_F(SelfTestTest, ComparesTheGraphToo) {
  tensor::select_device(graph_device());
  const auto checks = run();
  ASSERT_TRUE(checks.contains("references_gpu"));
  for (const char* name : {"matmul", "references_gpu", "references_cpu"}) {
    EXPECT_EQ(checks.at(name).health, Health::kOk) << name << ": " << checks.at(name).text;
  }
  EXPECT_EQ(tensor::device(), graph_device());
}

TEST_F(SelfTestTest, MissingFilesAreOneError) {
  options_.data.reset();
  const auto checks = run();
  EXPECT_EQ(checks.size(), 3u);
  EXPECT_EQ(checks.at("matmul").health, Health::kOk);
  EXPECT_EQ(checks.at("data").health, Health::kError);
  EXPECT_FALSE(checks.at("data").hint.empty());
}

TEST_F(SelfTestTest, AWrongResultIsAnError) {
  const fs::path file = data_ / "self_test/references.json";
  nlohmann::json references = read_json_object(file, ErrorCode::kFailed);
  references["qwen3_vl"]["answer_logits"][3] = 0.5;
  write_file_atomically(file, references.dump());
  EXPECT_EQ(faults(), (Names{"references_cpu"}));
}

TEST_F(SelfTestTest, DamagedReferencesFailOnlyWhatNeedsThem) {
  write_file_atomically(data_ / "self_test/references.json", "{");
  EXPECT_EQ(faults(), (Names{"references_cpu", "switch"}));
}

TEST_F(SelfTestTest, ADamagedModelFailsOnlyWhatNeedsIt) {
  fs::resize_file(data_ / "models/tiny-vl/model.safetensors", 100'000);
  EXPECT_EQ(faults(), (Names{"speed", "zero_copy", "switch", "pictures"}));
}

TEST_F(SelfTestTest, AWrongAnswerIsAnErrorThatNamesTheRightOne) {
  write_file_atomically(data_ / "images/expected.jsonl",
                        R"({"file": "hearts.jpg", "lang": "en", "expected": "Five red hearts."})"
                        "\n");
  const Check check = run().at("pictures");
  EXPECT_EQ(check.health, Health::kError);
  EXPECT_EQ(check.text, tr("Four red hearts. (expected: {})", "Four red hearts. (ожидалось: {})",
                           "Five red hearts."));
}

TEST_F(SelfTestTest, MisreadTextIsAWarningAndMuchOfItAnError) {
  OKO_NEEDS_TESSERACT();
  const fs::path file = data_ / "self_test/text.txt";
  const std::string truth = read_file(file, 10'000, ErrorCode::kFailed);
  write_file_atomically(file, truth + " ten letters");
  EXPECT_EQ(run().at("ocr_picture").health, Health::kWarning);
  write_file_atomically(file, truth + truth);
  EXPECT_EQ(run().at("ocr_picture").health, Health::kError);
}

TEST_F(SelfTestTest, AMissingLanguageFailsThePageOnly) {
  OKO_NEEDS_TESSERACT();
  environment_.set("TESSDATA_PREFIX", folder_);
  EXPECT_EQ(faults(), (Names{"ocr_picture"}));
  EXPECT_TRUE(run().at("ocr_picture").text.contains("lacks data of a language"));
}

TEST_F(SelfTestTest, CopiedWeightsAreAWarning) {
  tensor::select_device(graph_device());
  fs::remove_all(data_ / "models/tiny-vl");
  copy_shifted(kDemo / "models/tiny-vl", data_ / "models/tiny-vl", 1);
  const Check check = run().at("zero_copy");
  EXPECT_EQ(check.health, Health::kWarning) << check.text;
}

TEST_F(SelfTestTest, StaysWithinTheBudget) {
  options_.budget_bytes = 70'000'000;
  const auto checks = run();
  EXPECT_EQ(checks.size(), 8u);
  for (const char* name : {"matmul", "memory_speed", "references_cpu", "pictures"}) {
    EXPECT_EQ(checks.at(name).health, Health::kError) << name << checks.at(name).text;
    EXPECT_TRUE(checks.at(name).hint.contains("budget")) << name << checks.at(name).hint;
  }
}

TEST_F(SelfTestTest, AsksTheDefaultModelIfItIsThere) {
  options_.real_model = true;
  EXPECT_EQ(faults(), (Names{"real_model"}));
  const fs::path folder = fs::path(folder_) / "home/models/mlx-community/Qwen3-VL-4B-Instruct-4bit";
  fs::create_directories(folder);
  fs::copy(kDemo / "models/tiny-vl", folder);
  const Check check = run().at("real_model");
  EXPECT_EQ(check.health, Health::kOk);
  EXPECT_TRUE(check.text.contains("Four red hearts.")) << check.text;
}

TEST_F(SelfTestTest, AStopEndsIt) {
  const StopSource source;
  source.request_stop();
  options_.stop = source.get_token();
  EXPECT_EQ(message_of([&] { run(); }, ErrorCode::kCancelled), "stopped");
}

}  // namespace
}  // namespace oko::tasks

#include <gtest/gtest.h>

#include <filesystem>
#include <new>
#include <stdexcept>

#include "base/error.h"
#include "base/file.h"
#include "hub/manifest.h"
#include "tasks/doctor.h"
#include "tasks/doctor_models.h"
#include "tests/support/environment.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

const fs::path kTinyModel = fs::path(OKO_SOURCE_DIR) / "demo/models/tiny-vl";

class DoctorMachineTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    environment_.set("OKO_HOME", folder_);
    environment_.set("HF_HUB_CACHE", folder_ / "hub");
  }

  std::vector<Check> models() const {
    std::vector<Check> checks;
    check_models({}, [&](const Check& check) { checks.push_back(check); });
    return checks;
  }

  /// The only model's check.
  Check model() const {
    const std::vector<Check> all = models();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Check{} : all.front();
  }

  Environment environment_;
};

TEST_F(DoctorMachineTest, AFailedCheckDoesNotStopTheNext) {
  std::vector<Check> seen;
  const auto run = [&](const std::function<void(Check&)>& check) {
    run_check({.name = "x"}, check, [&](const Check& each) { seen.push_back(each); });
  };
  run([](Check&) { throw Error(ErrorCode::kFailed, "broken", "mend it"); });
  run([](Check&) { throw std::runtime_error("odd"); });
  run([](Check&) { throw std::bad_alloc(); });
  run([](Check& check) { check.text = "fine"; });
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].text, LocalizedText("broken"));
  EXPECT_EQ(seen[0].hint, LocalizedText("mend it"));
  EXPECT_EQ(seen[1].text, LocalizedText("odd"));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(seen[i].health, Health::kError) << i;
  EXPECT_EQ(seen[3].health, Health::kOk);
  EXPECT_THROW(run([](Check&) { throw_cancelled(); }), Error);
}

TEST_F(DoctorMachineTest, ASystemWithoutModelsGetsTheCommandThatPullsOne) {
  EXPECT_EQ(model().health, Health::kWarning);
  EXPECT_EQ(model().hint, LocalizedText("oko pull qwen3-vl-4b"));
}

TEST_F(DoctorMachineTest, AModelIsAlignedAndItsHashesAreKnown) {
  const fs::path folder = folder_ / "models" / "org" / "tiny";
  fs::create_directories(folder);
  fs::copy(kTinyModel, folder);
  EXPECT_EQ(model().health, Health::kOk);
  EXPECT_TRUE(model().text.contains("org/tiny: 8 MB, aligned, not verified")) << model().text;
  hub::write_manifest(folder, {"org/tiny", "1", {}});
  EXPECT_TRUE(model().text.contains(", verified as it was pulled")) << model().text;
}

TEST_F(DoctorMachineTest, AMisalignedModelNeedsACopy) {
  fs::create_directories(folder_ / "models");
  copy_shifted(kTinyModel, folder_ / "models" / "tiny", 1);
  EXPECT_EQ(model().health, Health::kOk);
  EXPECT_TRUE(model().text.contains("tiny: 8 MB, needs an aligned copy of ")) << model().text;
}

TEST_F(DoctorMachineTest, AModelWithoutWeightsIsIncomplete) {
  const fs::path folder = folder_ / "models" / "tiny";
  fs::create_directories(folder);
  fs::copy(kTinyModel, folder);
  fs::remove(folder / "model.safetensors");
  EXPECT_EQ(model().health, Health::kWarning);
  EXPECT_TRUE(model().text.contains("tiny: incomplete")) << model().text;
}

}  // namespace
}  // namespace oko::tasks

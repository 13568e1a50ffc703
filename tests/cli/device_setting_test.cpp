// OKO_DEVICE and OKO_DTYPE on the command line.
#include <gtest/gtest.h>
#include <mlx/device.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

class DeviceSettingTest : public ScratchFolderTest {
 protected:
  ProcessResult run(const std::string& device, const std::vector<std::string>& arguments,
                    const std::string& lang = "en_US.UTF-8") const {
    std::vector<std::string> command{OKO_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Process(command, {"OKO_DEVICE=" + device, "LANG=" + lang, "LC_ALL=", "LC_MESSAGES="})
        .wait();
  }
};

TEST_F(DeviceSettingTest, AnUnknownDeviceIsRefusedBeforeAnythingIsDone) {
  // The picture and the model do not exist either: oko does not look for them.
  const auto result = run("tpu", {"describe", "no.png", "--model", "no"});
  EXPECT_EQ(result.status, exit_status(ErrorCode::kUsage));
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "oko: OKO_DEVICE is \"tpu\", expected cpu or gpu\n"
            "hint: unset OKO_DEVICE, or set OKO_DEVICE=cpu\n");
  const auto russian = run("tpu", {"plan"}, "ru_RU.UTF-8");
  EXPECT_EQ(russian.err,
            "oko: OKO_DEVICE — \"tpu\", ожидается cpu или gpu\n"
            "подсказка: уберите OKO_DEVICE или задайте OKO_DEVICE=cpu\n");
}

TEST_F(DeviceSettingTest, AnUnknownDtypeIsRefusedBeforeAnythingIsDone) {
  const auto result = Process({OKO_PROGRAM, "describe", "no.png"},
                              {"OKO_DTYPE=fp8", "OKO_DEVICE=cpu", "LC_ALL=ru_RU.UTF-8"})
                          .wait();
  EXPECT_EQ(result.status, exit_status(ErrorCode::kUsage));
  EXPECT_EQ(result.err,
            "oko: OKO_DTYPE — fp8, ожидается float16\n"
            "подсказка: уберите OKO_DTYPE или задайте OKO_DTYPE=float16\n");
}

TEST_F(DeviceSettingTest, AGpuThatIsMissingIsRefused) {
  if (mlx::core::device_count(mlx::core::Device::gpu) > 0) GTEST_SKIP() << "there is a GPU";
  const auto result = run("gpu", {"describe", "no.png", "--model", "no"});
  EXPECT_EQ(result.status, exit_status(ErrorCode::kUsage));
  EXPECT_NE(result.err.find("no GPU"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("hint: unset OKO_DEVICE"), std::string::npos) << result.err;
}

TEST_F(DeviceSettingTest, HelpNeedsNoDevice) {
  EXPECT_EQ(run("tpu", {"describe", "--help"}).status, 0);
}

TEST_F(DeviceSettingTest, StatsNameTheDevice) {
  const auto result =
      run("cpu", {"describe", std::string(OKO_SOURCE_DIR) + "/tests/image/data/alpha.png",
                  "--model", RandomModels::get("qwen3-vl-small-4bit", 5).string(), "--ocr", "off",
                  "--max-tokens", "1", "--json", "--stats"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out).at("stats").at("device").get<std::string>(), "cpu");
}

}  // namespace
}  // namespace oko

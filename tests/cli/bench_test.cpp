// The output and the refusals of `oko bench`.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/process.h"
#include "tests/support/random_models.h"

namespace oko {
namespace {

ProcessResult run_oko(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), OKO_PROGRAM);
  return Process(arguments, {"LANG=en_US.UTF-8", "LC_ALL="}).wait();
}

const std::string kModel = std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl";

TEST(BenchTest, EveryMeasurementPrintsOneObjectOfPositiveFigures) {
  const std::vector<std::vector<std::string>> commands{
      {"decode", "--tokens", "4"}, {"prefill", "--tokens", "20"}, {"vision", "--side", "128"}};
  for (const auto& command : commands) {
    std::vector<std::string> arguments{"bench"};
    arguments.insert(arguments.end(), command.begin(), command.end());
    for (const char* more :
         {"--model", kModel.c_str(), "--repeats", "2", "--budget", "2GB", "--json"}) {
      arguments.push_back(more);
    }
    const ProcessResult run = run_oko(arguments);
    ASSERT_EQ(run.status, 0) << run.err;
    const auto object = nlohmann::json::parse(run.out);
    EXPECT_EQ(object.at("what"), command[0]);
    EXPECT_EQ(object.at("device"), "cpu");
    EXPECT_EQ(object.at("seconds").size(), 2u);
    EXPECT_LE(object.at("seconds")[0], object.at("seconds")[1]);
    for (const char* key :
         {"units", "threads", "per_second", "weight_bytes_per_second", "cpu_bytes_per_second",
          "share_of_bandwidth", "flop_per_second", "cpu_flop_per_second", "share_of_peak"}) {
      EXPECT_GT(object.at(key).get<double>(), 0) << key;
    }
    EXPECT_FALSE(object.contains("gpu"));  // tests run on the CPU
    EXPECT_GT(object.at("mlx_peak_bytes").get<double>(),
              object.at("mlx_loaded_bytes").get<double>());
  }
}

TEST(BenchTest, RatesHaveAUnit) {
  const auto rate = [](const char* what, const char* option, const char* unit) {
    const ProcessResult run =
        run_oko({"bench", what, "--model", kModel, option, "128", "--repeats", "1"});
    EXPECT_TRUE(std::regex_search(run.out, std::regex(std::string(R"(: [0-9.]+ )") + unit)))
        << run.out << run.err;
  };
  rate("decode", "--tokens", "tokens/s ");
  rate("vision", "--side", "pictures/s ");
}

TEST(BenchTest, NamesTheCpuAsReferenceOfShares) {
  const ProcessResult run =
      run_oko({"bench", "decode", "--model", kModel, "--tokens", "4", "--repeats", "1"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(std::regex_search(run.out, std::regex(R"(GB/s of weights \(\d+ % of the CPU's \d)")))
      << run.out;
}

TEST(BenchTest, EmbedCountsTheTokensOfAllTexts) {
  const std::string model = RandomModels::get("bge-m3-small-8bit", 1);
  const ProcessResult run = run_oko({"bench", "embed", "--model", model, "--tokens", "20",
                                     "--texts", "3", "--repeats", "1", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto object = nlohmann::json::parse(run.out);
  EXPECT_EQ(object.at("units"), 60);
  EXPECT_GT(object.at("per_second").get<double>(), 0);
  EXPECT_GT(object.at("flop_per_second").get<double>(), 0);
  EXPECT_EQ(run_oko({"bench", "embed", "--model", model, "--tokens", "513"}).status, 2);
}

TEST(BenchTest, KernelsAreTimedAtTheShapesOfTheModel) {
  const ProcessResult run =
      run_oko({"bench", "kernels", "--model", kModel, "--repeats", "1", "--json"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto object = nlohmann::json::parse(run.out);
  EXPECT_EQ(object.at("what"), "kernels");
  EXPECT_GT(object.at("kernels").size(), 10u);
  for (const auto& kernel : object.at("kernels")) {
    EXPECT_FALSE(kernel.at("kernel").get<std::string>().empty());
    for (const char* key : {"seconds", "bytes_per_second", "share_of_bandwidth"}) {
      EXPECT_GT(kernel.at(key).get<double>(), 0) << key;
    }
    const auto name = kernel.at("kernel").get<std::string>();
    const bool chooses = name.starts_with("softmax") || name.starts_with("20 largest");
    for (const char* key : {"flop_per_second", "share_of_peak"}) {
      EXPECT_EQ(kernel.at(key).get<double>() > 0, !chooses) << kernel << key;
    }
  }
}

TEST(BenchTest, NoTokenOfALongPromptStandsForAPicture) {
  const ProcessResult run = run_oko(
      {"bench", "prefill", "--tokens", "1000", "--repeats", "1", "--model", kModel, "--json"});
  EXPECT_EQ(run.status, 0) << run.err;
}

TEST(BenchTest, WrongUsageIsRefusedWithStatusTwo) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"bench", "sleep"},
        {"bench", "decode", "--tokens", "0", "--model", kModel},
        {"bench", "vision", "--side", "100", "--model", kModel}}) {
    const ProcessResult run = run_oko(arguments);
    EXPECT_EQ(run.status, 2) << run.err;
    EXPECT_TRUE(run.out.empty()) << run.out;
  }
}

TEST(BenchTest, AMeasurementThatDoesNotFitTheBudgetIsRefusedWithStatusThree) {
  const ProcessResult run = run_oko({"bench", "decode", "--model", kModel, "--budget", "50MB"});
  EXPECT_EQ(run.status, 3) << run.err;
  EXPECT_NE(run.err.find("budget 50MB\n"), std::string::npos) << run.err;
}

TEST(BenchTest, AMissingModelIsStatusFive) {
  EXPECT_EQ(run_oko({"bench", "decode", "--model", "/no/such/model"}).status, 5);
}

}  // namespace
}  // namespace oko

// `oko plan`, and --budget.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/kept_memory.h"
#include "tests/support/process.h"
#include "tests/support/shifted_model.h"
#include "tests/support/terminal.h"
#include "tests/support/tesseract.h"

namespace oko {
namespace {

using nlohmann::json;

const std::string kTinyVl = std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl";
const std::string kPicture = std::string(OKO_SOURCE_DIR) + "/demo/images/hearts.jpg";

ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") {
  arguments.insert(arguments.begin(), OKO_PROGRAM);
  return Process(arguments, {"LANG=" + language + "_XX.UTF-8", "LC_ALL="}).wait();
}

TEST(PlanCommandTest, PlansAMachineBeforeAnythingIsDownloaded) {
  const ProcessResult result = run({"plan", "--memory", "8GB"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.rfind("8 GB of memory, macOS\n", 0), 0u) << result.out;
  EXPECT_NE(result.out.find("on the edge"), std::string::npos);
  EXPECT_NE(result.out.find("largest picture"), std::string::npos);
  const ProcessResult russian = run({"plan", "--memory", "16GB"}, "ru");
  EXPECT_NE(russian.out.find("удобно: запас "), std::string::npos) << russian.out;
  const ProcessResult comma = run({"plan", "--memory", "7,5GB"}, "ru");
  EXPECT_NE(comma.out.find("Память: 7,5 ГБ, macOS"), std::string::npos) << comma.out;
  EXPECT_EQ(comma.out.find('.'), std::string::npos) << comma.out;
}

TEST(PlanCommandTest, JsonHasTheNumbers) {
  const auto plan = json::parse(run({"plan", "--memory", "8GB", "--json"}).out);
  EXPECT_EQ(plan.at("memory_bytes"), std::uint64_t{8} << 30);
  EXPECT_EQ(plan.at("verdict"), "on_the_edge");
  EXPECT_EQ(plan.at("mode"), "resident");
  EXPECT_GT(plan.at("vision_language").at("weight_bytes"), 3'000'000'000u);
  EXPECT_GT(plan.at("largest_context_tokens"), 1000);
}

TEST(PlanCommandTest, ThisMachineAndAModelOnTheDisk) {
  const ProcessResult result = run({"plan", "--model", kTinyVl, "--budget", "8GB", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto plan = json::parse(result.out);
  EXPECT_LT(plan.at("vision_language").at("weight_bytes"), 10'000'000u);
  EXPECT_GT(plan.at("memory_bytes"), 500'000'000u);
}

TEST(PlanCommandTest, KnownModelsArePlannedByNameBeforeADownload) {
  const std::pair<const char*, double> published[] = {{"qwen3-vl-2b", 1.8e9},
                                                      {"qwen3-vl-4b", 3.1e9},
                                                      {"qwen3-vl-8b", 5.8e9},
                                                      {"qwen3-vl-32b", 19.6e9}};
  for (const auto& [name, bytes] : published) {
    const ProcessResult result = run({"plan", "--memory", "64", "--model", name, "--json"});
    ASSERT_EQ(result.status, 0) << result.err;
    const auto model = json::parse(result.out).at("vision_language");
    EXPECT_NEAR(model.at("weight_bytes").get<double>() / bytes, 1, 0.03) << name;
    EXPECT_EQ(model.at("is_on_disk"), false);
  }
  const std::string repository = "mlx-community/Qwen3-VL-8B-Instruct-4bit";
  const auto verdict = [](const std::string& model, const std::string& memory) {
    return json::parse(run({"plan", "--memory", memory, "--model", model, "--json"}).out)
        .at("verdict");
  };
  EXPECT_EQ(verdict(repository, "8"), "does_not_fit");
  EXPECT_EQ(verdict(repository, "16 ГБ"), "comfortable");
}

TEST(PlanCommandTest, TellsABuyerOfOtherMacsAndOfSpeed) {
  const auto plan = json::parse(run({"plan", "--memory", "8GB", "--json"}).out);
  ASSERT_EQ(plan.at("other_macs").size(), 3u);
  const auto& larger = plan.at("other_macs").at(0);
  EXPECT_EQ(larger.at("memory_bytes"), std::uint64_t{16} << 30);
  const auto alone = json::parse(run({"plan", "--memory", "16GB", "--json"}).out);
  EXPECT_EQ(larger.at("largest_context_tokens"), alone.at("largest_context_tokens"));
  const auto& speeds = plan.at("expected_speeds");
  EXPECT_EQ(speeds.at(0).at("chip"), "M1");
  // mlx-lm needs 41 ms per token of this model on an M1, 30 on an M2.
  EXPECT_NEAR(1000 / speeds.at(0).at("tokens_per_second").get<double>(), 41, 3);
  EXPECT_NEAR(1000 / speeds.at(1).at("tokens_per_second").get<double>(), 30, 2);
  EXPECT_FALSE(json::parse(run({"plan", "--json"}).out).contains("expected_speeds"));
}

TEST(PlanCommandTest, ThePlanFitsANarrowTerminal) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no pseudo-terminals";
  for (const std::string language : {"en", "ru"}) {
    Terminal terminal({OKO_PROGRAM, "plan", "--memory", "8GB"},
                      {"LANG=" + language + "_XX.UTF-8", "LC_ALL=", "TERM=dumb"}, 44);
    EXPECT_EQ(terminal.wait(), 0);
    std::istringstream lines(terminal.shown());
    for (std::string line; std::getline(lines, line);) {
      const auto letters = std::count_if(line.begin(), line.end(),
                                         [](char c) { return (c & 0xC0) != 0x80 && c != '\r'; });
      EXPECT_LE(letters, 44) << line;
    }
    EXPECT_NE(terminal.shown().find("\n  M1 23, M2 33, M3 33,"), std::string::npos)
        << terminal.shown();
  }
}

TEST(PlanCommandTest, ReportsDiskSpaceForAnAlignedCopy) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("oko_plan_" + std::to_string(::getpid()));
  copy_shifted(kTinyVl, folder, 1);
  const auto plan = json::parse(run({"plan", "--model", folder, "--json"}).out);
  const auto aligned = json::parse(run({"plan", "--model", kTinyVl, "--json"}).out);
  const std::string table = run({"plan", "--model", folder}).out;
  // A home that is a file simulates a read-only file system.
  const std::string home = "OKO_HOME=" + (folder / "config.json").string();
  const auto plan_of = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {OKO_PROGRAM, "plan", "--model", folder});
    return Process(arguments, {"LANG=en_XX.UTF-8", "LC_ALL=", home}).wait().out;
  };
  const auto refused = json::parse(plan_of({"--json"}));
  const std::string refused_table = plan_of({});
  std::filesystem::remove_all(folder);
  EXPECT_EQ(refused.at("vision_language").at("aligned_copy_bytes"), 0u);
  EXPECT_TRUE(refused.at("vision_language").contains("aligned_copy_error"));
  EXPECT_FALSE(plan.at("vision_language").contains("aligned_copy_error"));
  EXPECT_EQ(refused_table.find("disk for an aligned copy"), std::string::npos) << refused_table;
  EXPECT_NE(refused_table.find("no aligned copy can be made: "), std::string::npos)
      << refused_table;
  EXPECT_GT(plan.at("vision_language").at("aligned_copy_bytes"), 1'000'000u);
  EXPECT_EQ(aligned.at("vision_language").at("aligned_copy_bytes"), 0u);
  EXPECT_NE(table.find("disk for an aligned copy"), std::string::npos) << table;
}

/// A model folder as left by an interrupted download.
TEST(PlanCommandTest, AConfigAloneIsEnough) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("oko_plan_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::filesystem::copy_file(kTinyVl + "/config.json", folder / "config.json");
  const auto whole = json::parse(run({"plan", "--model", kTinyVl, "--json"}).out);
  const auto config_only = json::parse(run({"plan", "--model", folder, "--json"}).out);
  const std::string table = run({"plan", "--model", folder}).out;
  std::filesystem::remove_all(folder);
  EXPECT_EQ(whole.at("vision_language").at("is_on_disk"), true);
  EXPECT_EQ(config_only.at("vision_language").at("is_on_disk"), false);
  const auto estimate = config_only.at("vision_language").at("weight_bytes").get<double>();
  const auto bytes = whole.at("vision_language").at("weight_bytes").get<double>();
  EXPECT_NEAR(estimate / bytes, 1, 0.15);
  EXPECT_NE(table.find("not downloaded: an estimate"), std::string::npos) << table;
}

TEST(PlanCommandTest, RefusesMalformedSizesAndUnknownModels) {
  EXPECT_EQ(run({"plan", "--memory", "lots"}).status, 2);
  for (const std::string option : {"--memory", "--budget"}) {
    EXPECT_EQ(run({"plan", option, "lots"}).err.find("oko: " + option + ": lots is not an amount"),
              0u);
  }
  EXPECT_EQ(run({"plan", "--model", "no-such-model"}).status, 5);
  EXPECT_EQ(run({"plan", "--memory", "8GB", "--model", "qwen3-vl-5b"}).status, 5);
}

TEST(PlanCommandTest, ACommandThatFailsBeforeItsFirstObjectPrintsTheErrorAsOne) {
  for (const char* command : {"plan", "verify", "convert", "describe"}) {
    std::vector<std::string> arguments{command, "--json"};
    if (std::string(command) == "describe") arguments.push_back(kPicture);
    const bool has_option = command[0] != 'v' && command[0] != 'c';
    if (has_option) arguments.push_back("--model");
    arguments.push_back("no-such-model");
    if (command[0] == 'c') arguments.push_back("nowhere");
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, 5) << command;
    EXPECT_EQ(json::parse(result.out).at("error").at("code"), "model_not_found") << command;
  }
  const ProcessResult large = run({"plan", "--memory", "2", "--json"});
  EXPECT_EQ(large.status, 3);
  EXPECT_EQ(json::parse(large.out).at("verdict"), "does_not_fit") << "that object tells it";
  EXPECT_EQ(run({"plan", "--model", "no-such-model"}).out, "");
}

TEST(BudgetTest, RefusalHasNumbersAndKnob) {
  const ProcessResult result =
      run({"describe", kPicture, "--model", kTinyVl, "--ocr", "off", "--budget", "60MB"});
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_NE(result.err.find("budget 60MB\nhint: use --budget 7"), std::string::npos) << result.err;
  EXPECT_EQ(run({"ocr", kPicture, "--budget", "100MB"}).status, 3);
}

/// The value behind `option` in a hint; empty if it is not named.
std::string named_value(const std::string& text, const std::string& option) {
  const std::size_t at = text.find(option + " ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + option.size() + 1;
  return text.substr(begin, text.find_first_of(" ,;\n", begin) - begin);
}

TEST(BudgetTest, EachOptionOfARefusalIsSufficient) {
  const auto describe = [](std::vector<std::string> options) {
    options.insert(options.begin(), {"describe", kPicture, "--model", kTinyVl});
    return run(options);
  };
  const auto refused = describe({"--ocr", "off", "--max-tokens", "3000", "--budget", "75MB"});
  ASSERT_EQ(refused.status, 3) << refused.err;
  const std::string budget = named_value(refused.err, "--budget");
  ASSERT_FALSE(budget.empty()) << refused.err;
  const auto enough = describe({"--ocr", "off", "--max-tokens", "3000", "--budget", budget});
  EXPECT_EQ(enough.status, 0) << enough.err;
  const std::string less = std::to_string(std::stoi(budget) - 1) + "MB";
  EXPECT_EQ(describe({"--ocr", "off", "--max-tokens", "3000", "--budget", less}).status, 3);
  const std::string tokens = named_value(refused.err, "--max-tokens");
  ASSERT_FALSE(tokens.empty()) << refused.err;
  EXPECT_EQ(describe({"--ocr", "off", "--max-tokens", tokens, "--budget", "75MB"}).status, 0);
}

TEST(BudgetTest, EarlyRefusalNamesBudgetForTheWholeWork) {
  OKO_NEEDS_TESSERACT();
  const auto describe = [](const std::string& ocr, const std::string& budget) {
    return run({"describe", kPicture, "--model", kTinyVl, "--ocr", ocr, "--max-tokens", "16",
                "--budget", budget});
  };
  const auto refused = describe("on", "125MB");
  ASSERT_EQ(refused.status, 3) << refused.err;
  EXPECT_NE(refused.err.find("use --ocr off or --budget "), std::string::npos) << refused.err;
  EXPECT_EQ(describe("off", "125MB").status, 0);
  EXPECT_EQ(describe("on", named_value(refused.err, "--budget")).status, 0);
}

/// Every command runs under the budget that its refusal names, whatever the reason.
TEST(BudgetTest, FirstRefusalNamesLeastSufficientBudget) {
  OKO_NEEDS_TESSERACT();
  const std::string receipt = std::string(OKO_SOURCE_DIR) + "/demo/pages/receipt.png";
  const std::string river = std::string(OKO_SOURCE_DIR) + "/demo/images/river.png";
  const auto describe = [&](const std::string& ocr) {
    return std::vector<std::string>{"describe",     river, "--model", kTinyVl,
                                    "--max-tokens", "2",   "--ocr",   ocr};
  };
  for (const auto& command :
       {describe("off"), describe("on"), describe("auto"), {"ocr", receipt}}) {
    const auto run_within = [&](const std::string& budget) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"--budget", budget});
      return run(arguments);
    };
    std::string least;
    for (const char* budget : {"1MB", "60MB", "68MB"}) {
      const ProcessResult refused = run_within(budget);
      ASSERT_EQ(refused.status, 3) << command[0] << budget << refused.err;
      const std::string named = named_value(refused.err, "--budget");
      EXPECT_EQ(least.empty() ? named : least, named) << budget << refused.err;
      least = named;
      const std::string sentence = "needs " + named + " of memory; budget ";
      EXPECT_NE(refused.err.find(sentence + budget + "\n"), std::string::npos) << refused.err;
    }
    const ProcessResult enough = run_within(least);
    EXPECT_EQ(enough.status, 0) << command[0] << least << enough.err;
    const ProcessResult less = run_within(std::to_string(std::stoi(least) - 1) + "MB");
    EXPECT_EQ(less.status, 3) << command[0] << least << less.err;
  }
}

TEST(BudgetTest, OnlyOptionsThatHelpAreNamed) {
  const auto refused = [](const std::string& budget) {
    return run({"describe", kPicture, "--model", kTinyVl, "--ocr", "off", "--max-tokens", "3000",
                "--budget", budget})
        .err;
  };
  EXPECT_EQ(refused("61MB").find("--max-"), std::string::npos) << "not even decoding fits";
  EXPECT_NE(refused("75MB").find("--max-tokens"), std::string::npos);
  EXPECT_EQ(refused("66MB").find("smaller"), std::string::npos) << "without a number";
}

TEST(BudgetTest, SkipsReadingTextIfOnlyTheModelFits) {
  OKO_NEEDS_TESSERACT();
  const auto describe = [](const std::string& ocr) {
    return run({"describe", kPicture, "--model", kTinyVl, "--ocr", ocr, "--max-tokens", "16",
                "--budget", "100MB"});
  };
  const auto automatic = describe("auto");
  EXPECT_EQ(automatic.status, 0) << automatic.err;
  EXPECT_NE(automatic.err.find("text in the picture is not read"), std::string::npos)
      << automatic.err;
  const auto on = describe("on");
  EXPECT_EQ(on.status, 3);
  EXPECT_NE(on.err.find("use --ocr off"), std::string::npos) << on.err;
}

TEST(PlanCommandTest, StatusIs3IfNothingFits) {
  const ProcessResult result = run({"plan", "--memory", "4GB"});
  EXPECT_EQ(result.status, 3) << result.out;
  EXPECT_NE(result.out.find("does not fit"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("mode: "), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("oko: does not fit: "), std::string::npos) << result.err;
}

TEST(BudgetTest, AddressSpaceLimitBoundsAnyBudget) {
#ifndef __linux__
  GTEST_SKIP() << "this system enforces no such limit";
#endif
  if (kKeptFreedBytes > 0) GTEST_SKIP() << "a sanitizer maps more than any limit here";
  for (const char* command : {"describe --ocr on --max-tokens 1 --model $MODEL", "ocr"}) {
    for (const char* kilobytes : {"200000", "300000", "400000"}) {
      const ProcessResult result = Process({"/bin/sh", "-c",
                                            std::string("ulimit -v ") + kilobytes + "; exec $OKO " +
                                                command + " --budget 5GB --threads 2 $PICTURE"},
                                           {std::string("OKO=") + OKO_PROGRAM, "MODEL=" + kTinyVl,
                                            "PICTURE=" + kPicture, "LANG=en_US.UTF-8", "LC_ALL="})
                                       .wait();
      if (result.status == 0) continue;
      EXPECT_EQ(result.status, 3) << command << kilobytes << result.err;
      EXPECT_NE(result.err.find(" MB (ulimit -v), leaves no more"), std::string::npos)
          << command << kilobytes << result.err;
      EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
    }
  }
}

TEST(BudgetTest, ReducesRequestAndReportsIt) {
  // The cache of a long answer is cut to a quarter; a smaller chunk would not have sufficed.
  const std::vector<std::string> arguments = {"describe",      kPicture, "--model",      kTinyVl,
                                              "--ocr",         "off",    "--max-tokens", "100000",
                                              "--temperature", "0",      "--kv-bits",    "32"};
  std::vector<std::string> tight = arguments;
  tight.insert(tight.end(), {"--budget", "81MB"});
  const ProcessResult wide = run(arguments), narrow = run(tight);
  EXPECT_EQ(narrow.status, 0) << narrow.err;
  EXPECT_NE(narrow.err.find("--kv-bits 8 instead of 32"), std::string::npos) << narrow.err;
  EXPECT_EQ(narrow.out, wide.out);
}

}  // namespace
}  // namespace oko

// `oko doctor`.
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tesseract.h"

namespace oko {
namespace {

using nlohmann::json;

class DoctorTest : public ScratchFolderTest {
 protected:
  /// With an empty home.
  ProcessResult run(std::vector<std::string> arguments, std::vector<std::string> environment = {},
                    const std::string& language = "en") const {
    arguments.insert(arguments.begin(), {OKO_PROGRAM, "doctor"});
    environment.insert(environment.end(),  // the first entry of a name counts
                       {"LANG=" + language + "_XX.UTF-8", "LC_ALL=", "HOME=" + folder_.string(),
                        "OKO_HOME=" + folder_.string() + "/.oko"});
    return Process(arguments, environment).wait();
  }

  static json check(const json& report, const std::string& name) {
    for (const json& each : report.at("checks")) {
      if (each.at("name") == name) return each;
    }
    ADD_FAILURE() << "no check " << name << " in " << report;
    return json::object();
  }
};

TEST_F(DoctorTest, HasALineForEachCheck) {
  const ProcessResult result = run({});
  for (const char* text :
       {"\nok         system       ", "\nok         memory       ",
        "\nok         MLX          MLX 0.", ", warnings ", ", errors 0, ",
        "\nwarning    model        none yet\n", "hint: oko pull qwen3-vl-4b\n"}) {
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " is not in " << result.out;
  }
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
}

TEST_F(DoctorTest, QuietlyItPrintsOnlyWhatIsNotOk) {
  const std::string text = run({"-q"}).out;
  EXPECT_TRUE(
      text.ends_with("warning    model        none yet\n"
                     "                        hint: oko pull qwen3-vl-4b\n"))
      << text;
  EXPECT_EQ(("\n" + text).find("\nok "), std::string::npos) << text;
  // Sanitizers make a debug build, which is a warning, too.
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 5) << text;
}

TEST_F(DoctorTest, TestsItself) {
  const json report = json::parse(run({"--json", "--threads", "1"}).out);
  for (const char* name :
       {"matmul", "memory_speed", "references_cpu", "speed", "zero_copy", "switch", "pictures"}) {
    EXPECT_NE(check(report, name).at("status"), "error") << check(report, name);
  }
  EXPECT_GT(report.at("seconds"), 0);
}

/// A program without its files: they are looked for from its own path.
TEST_F(DoctorTest, AProgramWithoutItsFilesSaysSo) {
  const std::string program = folder_.string() + "/oko";
  std::filesystem::copy_file(OKO_PROGRAM, program);
  const ProcessResult result =
      Process({program, "doctor"}, {"LC_ALL=ru_RU.UTF-8", "HOME=" + folder_.string()}).wait();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.out.find("\nошибка     файлы        нет файлов для самопроверки"),
            std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("\nв порядке  умножение    64 строки: "), std::string::npos)
      << result.out;
  EXPECT_NE(result.err.find("oko: не пройдено проверок: 1 из "), std::string::npos) << result.err;
}

TEST_F(DoctorTest, CtrlCEndsItAsStopped) {
  Process process({OKO_PROGRAM, "doctor"}, {"HOME=" + folder_.string()});
  ASSERT_TRUE(process.wait_for_output(60));
  process.signal(SIGINT);
  const ProcessResult result = process.wait();
  const bool had_ended = result.out.find(" errors, ") != std::string::npos;
  EXPECT_TRUE(result.status == 130 || had_ended) << result.status << result.out << result.err;
}

TEST_F(DoctorTest, SpeaksRussian) {
  const ProcessResult result = run({}, {}, "ru");
  for (const char* text :
       {"\nв порядке  система      ", "\nвнимание   модель       пока ни одной\n",
        "подсказка: oko pull qwen3-vl-4b\n", ", ошибок: 0, "}) {
    EXPECT_NE(result.out.find(text), std::string::npos) << text << " is not in " << result.out;
  }
}

TEST_F(DoctorTest, JsonIsOneObjectWithoutPersonalData) {
  const ProcessResult result = run({"--json"}, {"HF_TOKEN=hf_secret", "HF_HOME=/x/ivan/hf"});
  const json report = json::parse(result.out);
  EXPECT_EQ(report.at("status"), "warning");
  EXPECT_EQ(check(report, "disk").at("text").get<std::string>().find("free at ~/.oko: "), 0u)
      << check(report, "disk");
  EXPECT_GT(check(report, "memory").at("figures").at("physical_bytes"), 500'000'000u);
  const std::string set = check(report, "settings").at("figures").at("set");
  EXPECT_NE(set.find("HF_HOME"), std::string::npos) << set;
  EXPECT_NE(set.find("HF_TOKEN"), std::string::npos) << set;
  char host[256] = {};
  ::gethostname(host, sizeof(host) - 1);
  for (const std::string& personal :
       {folder_.string(), std::string("hf_secret"), std::string("/x/ivan"),
        std::string(::getpwuid(::getuid())->pw_dir) + "/", "\"" + std::string(host) + "\""}) {
    EXPECT_EQ(result.out.find(personal), std::string::npos) << personal << " in " << result.out;
  }
}

/// The home of "al" is not in that of "alice", but the name of the account's user may be.
TEST_F(DoctorTest, ReplacesWholeNamesOfFoldersOnly) {
  const std::string user = ::getpwuid(::getuid())->pw_name;
  const auto disk_with = [&](const std::string& home) {
    const ProcessResult result = run({"--json"}, {"OKO_HOME=" + home});
    return check(json::parse(result.out), "disk").at("text").get<std::string>();
  };
  const std::string other = folder_.string() + "_2/.oko";
  EXPECT_EQ(disk_with(other).find("free at " + other + ": "), 0u) << disk_with(other);
  EXPECT_EQ(disk_with("/data/" + user + "/oko").find("free at /data/USER/oko: "), 0u);
  EXPECT_EQ(disk_with("/data/" + user + "x/oko").find("free at /data/" + user + "x/oko: "), 0u);
}

TEST_F(DoctorTest, MissingDataOfALanguageIsAnError) {
  OKO_NEEDS_TESSERACT();
  const ProcessResult result = run({"--json"}, {"TESSDATA_PREFIX=" + folder_.string()});
  EXPECT_EQ(result.status, 1);
  const json ocr = check(json::parse(result.out), "ocr");
  EXPECT_EQ(ocr.at("status"), "error");
  EXPECT_NE(ocr.at("text").get<std::string>().find("lacks data of a language: rus+eng"),
            std::string::npos)
      << ocr;
  EXPECT_EQ(ocr.at("hint"), "install it: apt install tesseract-ocr-rus tesseract-ocr-eng");
  EXPECT_NE(result.err.find("checks failed"), std::string::npos) << result.err;
}

/// What is wrong with the variables is a line of the report, and all other checks run.
TEST_F(DoctorTest, BadVariablesAreErrorsOfTheReport) {
  const auto failed = [&](const std::string& variable, const std::string& name) {
    const ProcessResult result = run({"--json"}, {variable});
    EXPECT_EQ(result.status, 1) << variable << result.err;
    const json report = json::parse(result.out);
    EXPECT_EQ(report.at("status"), "error");
    for (const json& each : report.at("checks")) {
      EXPECT_EQ(each.at("status") == "error", each.at("name") == name) << variable << each;
    }
    EXPECT_EQ(check(report, "references_cpu").at("status"), "ok");
    return check(report, name);
  };
  const json device = failed("OKO_DEVICE=tpu", "gpu");
  EXPECT_EQ(device.at("text"), "OKO_DEVICE is \"tpu\", expected cpu or gpu");
  EXPECT_EQ(device.at("hint"), "unset OKO_DEVICE, or set OKO_DEVICE=cpu");
  const json endpoint = failed("HF_ENDPOINT=ftp://secret@hub", "settings");
  EXPECT_NE(endpoint.at("hint").get<std::string>().find("set HF_ENDPOINT to "), std::string::npos);
  EXPECT_EQ(endpoint.dump().find("secret"), std::string::npos) << endpoint;
  if (OKO_SANITIZED) return;  // each takes seconds, and the rest differs in words alone
  EXPECT_EQ(failed("OKO_DTYPE=x", "gpu").at("text"), "OKO_DTYPE is x, expected float16");
  const json certificates = failed("CURL_CA_BUNDLE=/none", "settings");
  EXPECT_NE(certificates.at("text").get<std::string>().find("; CURL_CA_BUNDLE leads nowhere"),
            std::string::npos);
}

TEST_F(DoctorTest, AHomeThatIsAFileIsAnError) {
  const auto disk = [&](const std::string& home) {
    return check(json::parse(run({"--json"}, {"OKO_HOME=" + home}).out), "disk");
  };
  for (const char* file : {"/dev/null", "/dev/null/oko"}) {
    const json found = disk(file);
    EXPECT_EQ(found.at("status"), "error");
    EXPECT_TRUE(found.at("text").get<std::string>().ends_with(
        std::string("; ") + file + " cannot be written: Not a directory"))
        << found;
  }
}

TEST_F(DoctorTest, AFolderThatMayNotBeWrittenIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const std::string folder = (folder_ / "oko").string();
  std::filesystem::create_directories(folder + "/models");
  std::filesystem::permissions(folder + "/models", std::filesystem::perms::owner_read);
  const json found = check(json::parse(run({"--json"}, {"OKO_HOME=" + folder}).out), "disk");
  EXPECT_EQ(found.at("status"), "warning");
  EXPECT_TRUE(found.at("text").get<std::string>().ends_with(
      "; ~/oko/models cannot be written: Permission denied"))
      << found;
  std::filesystem::permissions(folder + "/models", std::filesystem::perms::owner_all);
}

TEST_F(DoctorTest, ALimitOfTheAddressSpaceIsAWarning) {
#ifdef __linux__
  if (OKO_SANITIZED) GTEST_SKIP() << "sanitizers need a large address space";
  const std::string command = std::string("ulimit -v 8000000; ") + OKO_PROGRAM + " doctor --json";
  const ProcessResult result =
      Process({"/bin/sh", "-c", command}, {"LC_ALL=en_US.UTF-8", "HOME=" + folder_.string()})
          .wait();
  const json limits = check(json::parse(result.out), "limits");
  EXPECT_EQ(limits.at("status"), "warning") << limits;
  EXPECT_EQ(limits.at("figures").at("address_space_bytes"), 8'192'000'000u);
#endif
}

}  // namespace
}  // namespace oko

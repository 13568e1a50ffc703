// The setup of a Mac before a build, with stand-ins for its commands.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/process.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

ProcessResult choose_wheel(const std::string& macos, const std::string& target = "",
                           const std::string& processor = "arm64") {
  const std::string script = std::string(OKO_SOURCE_DIR) + "/tests/repo/choose_mlx_wheel.cmake";
  return Process({OKO_CMAKE, "-DMACOS=" + macos, "-DTARGET=" + target, "-DPROCESSOR=" + processor,
                  "-P", script},
                 {})
      .wait();
}

/// CMake wraps its messages: they are compared without line breaks.
std::string unwrapped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n';
    if (!space || (!result.empty() && result.back() != ' ')) result += space ? ' ' : c;
  }
  return result;
}

TEST(MlxWheelTest, IsTheNewestThatTheSystemLoads) {
  for (const auto& [macos, platform] :
       {std::pair<std::string, std::string>{"14.0", "macosx_14_0_arm64"},
        {"14.8.2", "macosx_14_0_arm64"},
        {"15.0", "macosx_15_0_arm64"},
        {"15.7.1", "macosx_15_0_arm64"},
        {"26.0", "macosx_15_0_arm64"},  // libmlx.dylib of macosx_26_0 starts from 26.2 on
        {"26.1.9", "macosx_15_0_arm64"},
        {"26.2", "macosx_26_0_arm64"},
        {"27.0", "macosx_26_0_arm64"}}) {
    const ProcessResult result = choose_wheel(macos);
    EXPECT_EQ(result.status, 0) << macos << ": " << result.err;
    EXPECT_EQ(result.err, platform + " 64\n") << macos;
  }
}

TEST(MlxWheelTest, SuitsTheOldestSystemThatTheProgramIsFor) {
  EXPECT_EQ(choose_wheel("26.2", "14.0").err, "macosx_14_0_arm64 64\n");
  EXPECT_EQ(choose_wheel("26.2", "26.2").err, "macosx_26_0_arm64 64\n");
}

TEST(MlxWheelTest, RefusesASystemThatIsTooOldForIt) {
  for (const auto& [macos, target, words] :
       {std::tuple<std::string, std::string, std::string>{
            "13.7", "", "MLX 0.32.4 needs macOS 14 or later; asked for is macOS 13.7"},
        {"15.6", "26.2", "CMAKE_OSX_DEPLOYMENT_TARGET is 26.2, this is macOS 15.6"},
        {"15.6", "13.0", "asked for is macOS 13.0"},
        {"", "", "does not say which macOS this is"}}) {
    const ProcessResult result = choose_wheel(macos, target);
    EXPECT_NE(result.status, 0) << macos;
    EXPECT_NE(unwrapped(result.err).find(words), std::string::npos) << result.err;
  }
}

TEST(MlxWheelTest, RefusesIntelAndRosetta) {
  const ProcessResult result = choose_wheel("15.6", "", "x86_64");
  EXPECT_NE(result.status, 0);
  EXPECT_NE(unwrapped(result.err).find("MLX has no build for Macs with x86_64"), std::string::npos)
      << result.err;
}

/// A Mac as install_dependencies.sh sees it: commands that answer like a Mac's, and a Homebrew.
class MacSetupTest : public ::testing::Test {
 protected:
  MacSetupTest()
      : folder_(fs::path(::testing::TempDir()) /
                ("oko_" +
                 std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))),
        prefix_(folder_ / "homebrew"),
        log_(folder_ / "calls") {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "bin");
    fs::create_directories(prefix_ / "opt");
    command("brew", "echo \"$*\" >> '" + log_.string() + "'; [ \"$1\" != --prefix ] || echo '" +
                        prefix_.string() + "'");
    machine("arm64", "1");
    for (const char* tool : {"cmake", "ninja", "pkg-config", "python3"}) command(tool, "true");
  }
  ~MacSetupTest() override { fs::remove_all(folder_); }

  void command(const std::string& name, const std::string& body) {
    const fs::path file = folder_ / "bin" / name;
    std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
    fs::permissions(file, fs::perms::owner_all);
  }

  void machine(const std::string& processor, const std::string& has_arm64) {
    command("uname", "[ \"${1:-}\" = -m ] && echo " + processor + " || echo Darwin");
    command("sysctl", "echo " + has_arm64);
  }

  void installed(const std::string& package) { fs::create_directory(prefix_ / "opt" / package); }

  ProcessResult install() {
    return Process({"/bin/bash", OKO_SOURCE_DIR "/cmake/install_dependencies.sh"},
                   {"PATH=" + (folder_ / "bin").string() + ":/bin"})
        .wait();
  }

  std::string calls() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const fs::path folder_, prefix_, log_;
};

TEST_F(MacSetupTest, AsksHomebrewOnceWhereNothingIsMissing) {
  for (const char* package :
       {"fmt", "nlohmann-json", "cli11", "highway", "vips", "utf8proc", "xxhash", "qpdf",
        "snowball", "libzip", "gmime", "boost", "googletest", "google-benchmark"}) {
    installed(package);
  }
  const ProcessResult result = install();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(calls(), "--prefix\n");
}

TEST_F(MacSetupTest, InstallsWhatIsMissingInOneCall) {
  for (const char* package : {"fmt", "nlohmann-json", "cli11", "highway", "utf8proc", "xxhash",
                              "qpdf", "libzip", "gmime", "boost"}) {
    installed(package);
  }
  const ProcessResult result = install();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(calls(), "--prefix\ninstall vips snowball googletest google-benchmark\n");
}

TEST_F(MacSetupTest, RefusesRosettaBeforeAnythingIsInstalled) {
  machine("x86_64", "1");
  const ProcessResult result = install();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("Rosetta"), std::string::npos) << result.err;
  EXPECT_EQ(calls(), "");
}

TEST_F(MacSetupTest, RefusesAnIntelMac) {
  machine("x86_64", "0");
  const ProcessResult result = install();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("Apple Silicon"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("Rosetta"), std::string::npos) << result.err;
  EXPECT_EQ(calls(), "");
}

TEST_F(MacSetupTest, RefusesTheHomebrewOfIntelMacs) {
  command("brew", "[ \"$1\" != --prefix ] || echo /usr/local");
  const ProcessResult result = install();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("/opt/homebrew"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace oko

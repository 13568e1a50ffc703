// Checks without a Mac that apple_vision.mm builds for macOS and uses only what Apple has.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = fs::path(OKO_SOURCE_DIR) / "src/ocr/apple_vision.mm";

struct Outcome {
  int status = -1;
  std::string output;
};

/// check: stub, declarations, mlx, arm64.
Outcome run(const std::string& check, const fs::path& file, const fs::path& headers = {}) {
  const std::string command = "bash " OKO_CHECK " " + check + " '" + file.string() + "' " +
                              (headers.empty() ? "" : "'" + headers.string() + "'") + " 2>&1";
  Outcome outcome;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (const std::size_t size = fread(buffer, 1, sizeof(buffer), pipe)) {
    outcome.output.append(buffer, size);
  }
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

/// The text of a file with every `from` spelt as `to`.
std::string respelt(const fs::path& path, const std::string& from, const std::string& to) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::string all = text.str();
  EXPECT_NE(all.find(from), std::string::npos) << path << " has no " << from;
  for (std::size_t at = 0; (at = all.find(from, at)) != std::string::npos; at += to.size()) {
    all.replace(at, from.size(), to);
  }
  return all;
}

class AppleSourcesTest : public ::testing::Test {
 protected:
  AppleSourcesTest() {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(::testing::TempDir()) / ("oko_apple_sources_" + name);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~AppleSourcesTest() override { fs::remove_all(folder_); }

  fs::path source_with(const std::string& from, const std::string& to) {
    const fs::path file = folder_ / "apple_vision.mm";
    std::ofstream(file) << respelt(kSource, from, to);
    return file;
  }

  /// A copy of the headers for `system` ("gnustep", "macos") with Vision.h respelt.
  fs::path headers_with(const std::string& system, const std::string& from, const std::string& to) {
    const fs::path original = fs::path(OKO_HEADERS) / system / "include";
    const fs::path copy = folder_ / system;
    fs::copy(original, copy, fs::copy_options::recursive);
    std::ofstream(copy / "Vision/Vision.h") << respelt(original / "Vision/Vision.h", from, to);
    return copy;
  }

  fs::path folder_;
};

TEST_F(AppleSourcesTest, UseApplesDeclarationsAlone) {
  const Outcome outcome = run("declarations", kSource);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  int compared = 0;
  EXPECT_EQ(std::sscanf(outcome.output.c_str(), "compared %d", &compared), 1);
  EXPECT_GT(compared, 40);
}

/// CI has compiled them for Macs just before, by tools/mac/check.sh.
bool are_checked() {
  return std::getenv("OKO_MAC_CHECKED") != nullptr;
}

TEST_F(AppleSourcesTest, CompileAndLinkForAppleSilicon) {
  if (are_checked()) GTEST_SKIP() << "the check for Macs compiles and links it";
  const Outcome outcome = run("arm64", kSource);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("arm64 executable"), std::string::npos) << outcome.output;
}

TEST_F(AppleSourcesTest, TheTensorFilesForMacsCompile) {
  if (are_checked()) GTEST_SKIP() << "the check for Macs compiles them";
  for (const std::string name : {"allocator_darwin.cpp", "mapped_array_metal.cpp"}) {
    const Outcome outcome = run("mlx", fs::path(OKO_SOURCE_DIR) / "src/tensor" / name);
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_NE(outcome.output.find("Mach-O 64-bit arm64 object"), std::string::npos)
        << outcome.output;
  }
}

TEST_F(AppleSourcesTest, AMisspeltSelectorFailsEveryCheck) {
  const fs::path misspelt = source_with("setRecognitionLevel:", "setRecognitionLevle:");
  for (const std::string check : {"stub", "declarations", "arm64"}) {
    const Outcome outcome = run(check, misspelt);
    EXPECT_NE(outcome.status, 0) << check;
    EXPECT_NE(outcome.output.find("setRecognitionLevle:"), std::string::npos)
        << check << ": " << outcome.output;
  }
}

TEST_F(AppleSourcesTest, AnUntouchedCopyPassesTheChecks) {
  const fs::path copy = source_with("setRecognitionLevel:", "setRecognitionLevel:");
  EXPECT_EQ(run("stub", copy).status, 0);
  EXPECT_EQ(run("declarations", copy).status, 0);
}

TEST_F(AppleSourcesTest, ASelectorThatOnlyOurHeaderHasFailsTheComparison) {
  const std::string from = "setMinimumTextHeight:", to = "setMinimalTextHeight:";
  const fs::path misspelt = source_with(from, to);
  const fs::path headers = headers_with("gnustep", from, to);
  EXPECT_EQ(run("stub", misspelt, headers).status, 0);
  const Outcome outcome = run("declarations", misspelt, headers);
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.output.find("VNRecognizeTextRequest has no -setMinimalTextHeight:"),
            std::string::npos)
      << outcome.output;
}

TEST_F(AppleSourcesTest, AWrongTypeInOurHeaderFailsTheComparison) {
  const fs::path headers =
      headers_with("gnustep", "setMinimumTextHeight:(float)", "setMinimumTextHeight:(double)");
  EXPECT_EQ(run("stub", kSource, headers).status, 0);
  const Outcome outcome = run("declarations", kSource, headers);
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.output.find("argument 1 is double, Apple's float"), std::string::npos)
      << outcome.output;
}

TEST_F(AppleSourcesTest, AMisspeltClassOrConstantFailsTheComparison) {
  for (const auto& [from, to] :
       {std::pair<std::string, std::string>{"VNErrorRequestCancelled", "VNErrorRequestCanceled"},
        {"VNRectangleObservation", "VNRectangularObservation"}}) {
    const fs::path misspelt = source_with(from, to);
    EXPECT_NE(run("stub", misspelt).status, 0) << to;
    fs::remove_all(folder_ / "gnustep");
    const fs::path headers = headers_with("gnustep", from, to);
    EXPECT_EQ(run("stub", misspelt, headers).status, 0) << to;
    const Outcome outcome = run("declarations", misspelt, headers);
    EXPECT_NE(outcome.status, 0) << to;
    EXPECT_NE(outcome.output.find(to), std::string::npos) << outcome.output;
  }
}

}  // namespace

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

using nlohmann::json;

class McpTest : public ScratchFolderTest {
 protected:
  ProcessResult run(const std::vector<std::string>& options, const std::string& input) const {
    const std::string file = folder_ / "input";
    std::ofstream(file) << input;
    std::vector<std::string> command{OKO_PROGRAM, "mcp"};
    command.insert(command.end(), options.begin(), options.end());
    return Process(command, {"LC_ALL=en_US.UTF-8", "OKO_HOME=" + folder_.string()}, file).wait();
  }
};

TEST_F(McpTest, SaysNothingButProtocolAndEndsWithItsInput) {
  const ProcessResult result =
      run({"--root", folder_.string()},
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
          "\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}\n"
          "garbage\n"
          "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}\n"
          "{\"jsonrpc\":\"2.0\",\"id\":3,\"meth");
  EXPECT_EQ(result.status, 0) << result.err;
  std::istringstream lines(result.out);
  std::vector<json> messages;
  for (std::string line; std::getline(lines, line);) messages.push_back(json::parse(line));
  ASSERT_EQ(messages.size(), 3u) << result.out;
  EXPECT_EQ(messages[0].at("id"), 1);
  EXPECT_EQ(messages[1].at("error").at("code"), -32700);
  EXPECT_EQ(messages[2].at("result").at("tools").size(), 4u);
  EXPECT_EQ(result.err, "");
}

TEST_F(McpTest, SaysWhyItDoesNotStart) {
  const ProcessResult no_root = run({"--root", (folder_ / "none").string()}, "");
  EXPECT_EQ(no_root.status, 2);
  EXPECT_NE(no_root.err.find("--root"), std::string::npos) << no_root.err;
  EXPECT_EQ(run({"--model", "nowhere"}, "").status, 5);
  EXPECT_EQ(run({}, "").status, 0);
}

}  // namespace
}  // namespace oko

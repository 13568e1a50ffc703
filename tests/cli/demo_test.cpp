// The pictures of demo/ are described rightly by the model of demo/, as `make demo` shows it.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/process.h"

namespace oko {
namespace {

const std::string kDemo = std::string(OKO_SOURCE_DIR) + "/demo";

TEST(DemoTest, EveryPictureIsDescribedRightly) {
  std::ifstream expected(kDemo + "/images/expected.jsonl");
  std::string line;
  int pictures = 0;
  while (std::getline(expected, line)) {
    const auto picture = nlohmann::json::parse(line);
    const std::string file = picture["file"];
    const auto result = Process({OKO_PROGRAM, "describe", "--model", kDemo + "/models/tiny-vl",
                                 "--lang", picture["lang"], kDemo + "/images/" + file},
                                {})
                            .wait();
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, picture["expected"].get<std::string>() + "\n") << file;
    ++pictures;
  }
  EXPECT_GE(pictures, 6);
}

}  // namespace
}  // namespace oko

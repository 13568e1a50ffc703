#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "server/api_server.h"
#include "tests/server/api_client.h"
#include "tests/server/test_server.h"

namespace oko::server {
namespace {

using nlohmann::json;

class OpenApiTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = make_test_server({});
    document_ = ask(server_->port(), "GET", "/openapi.json").parsed();
  }
  static void TearDownTestSuite() { server_.reset(); }

  static inline std::unique_ptr<ApiServer> server_;
  static inline json document_;
};

TEST_F(OpenApiTest, NamesWhatIsServed) {
  EXPECT_EQ(document_.at("openapi"), "3.1.0");
  const json paths = document_.at("paths");
  for (const auto& [path, methods] : paths.items()) {
    for (const auto& [method, operation] : methods.items()) {
      const bool is_post = method == "post";
      std::string place = path;
      if (const std::size_t brace = place.find('{'); brace != std::string::npos) {
        place.replace(brace, place.find('}') - brace + 1, "1");
      }
      // A path that nobody serves has another message.
      const std::string verb = is_post ? "POST" : method == "delete" ? "DELETE" : "GET";
      const ApiAnswer answer = ask(server_->port(), verb, place, "{}");
      EXPECT_EQ(answer.body.find("there is nothing at"), std::string::npos) << path;
      EXPECT_NE(answer.status, 405) << path;
      if (is_post) {
        EXPECT_EQ(answer.status, 400) << path << answer.body;
      }
    }
  }
  for (const char* path :
       {"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/ocr", "/v1/search",
        "/v1/library", "/v1/library/index", "/api/chat", "/metrics"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
}

TEST_F(OpenApiTest, DefinesEachSchemaThatItNames) {
  const json& schemas = document_.at("components").at("schemas");
  std::set<std::string> used;
  const std::function<void(const json&)> visit = [&](const json& value) {
    if (value.is_object() && value.contains("$ref")) {
      const std::string name = value.at("$ref").get<std::string>().substr(21);
      EXPECT_TRUE(schemas.contains(name)) << name;
      used.insert(name);
    }
    if (value.is_structured()) {
      for (const json& each : value) visit(each);
    }
  };
  visit(document_);
  for (const auto& [name, schema] : schemas.items()) EXPECT_TRUE(used.contains(name)) << name;
}

}  // namespace
}  // namespace oko::server

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "server/access.h"
#include "server/api.h"
#include "server/http_exchange.h"
#include "server/web_page.h"

namespace oko::server {
namespace {

const char* const kBrowser = "text/html,application/xhtml+xml,*/*;q=0.8";

HttpRequest get(const std::string& path, HttpFields headers = {}) {
  return {.method = "GET", .path = path, .query = {}, .headers = std::move(headers)};
}

/// The whole answer, header and body.
std::string answer_to(const HttpRequest& request) {
  Router router;
  router.add(page_routes());
  HttpExchange exchange({}, [] {});
  router.handle(request, exchange);
  bool is_finished = false;
  return exchange.take(is_finished);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(WebPageTest, ShowsThePageToBrowsersAndAnswersOthersAsOllama) {
  const std::string page = answer_to(get("/", {{"accept", kBrowser}}));
  EXPECT_TRUE(has(page, "200 OK")) << page.substr(0, 20);
  EXPECT_TRUE(has(page, "Content-Type: text/html")) << page;
  EXPECT_TRUE(has(page, "<title>oko</title>"));
  for (const char* accept : {"", "*/*", "application/json"}) {
    const std::string other = answer_to(get("/", {{"accept", accept}}));
    EXPECT_TRUE(has(other, "\r\n\r\nOllama is running")) << accept;
  }
}

TEST(WebPageTest, LetsThePageRunItsOwnFilesAlone) {
  const std::string page = answer_to(get("/", {{"accept", kBrowser}}));
  EXPECT_TRUE(has(page, "Content-Security-Policy: default-src 'none'; script-src 'self'"));
  EXPECT_TRUE(has(page, "frame-ancestors 'none'"));
  EXPECT_FALSE(has(page, "unsafe"));
  EXPECT_TRUE(has(page, "X-Content-Type-Options: nosniff"));
}

TEST(WebPageTest, SendsAFileAgainOnlyIfItHasChanged) {
  const std::string script = answer_to(get("/web/main.js"));
  EXPECT_TRUE(has(script, "Content-Type: text/javascript")) << script.substr(0, 400);
  const std::size_t at = script.find("ETag: ") + 6;
  const std::string etag = script.substr(at, script.find("\r\n", at) - at);
  const std::string same = answer_to(get("/web/main.js", {{"if-none-match", etag}}));
  EXPECT_TRUE(same.starts_with("HTTP/1.1 304")) << same;
  EXPECT_TRUE(same.ends_with("\r\n\r\n"));
  EXPECT_FALSE(has(same, "Content-Length"));
  EXPECT_TRUE(has(answer_to(get("/web/main.js", {{"if-none-match", "\"other\""}})), "200 OK"));
}

TEST(WebPageTest, ServesNoOtherFiles) {
  for (const char* path : {"/web/", "/web/../web_page.h", "/web/none.js", "/web/main.js/"}) {
    EXPECT_TRUE(answer_to(get(path)).starts_with("HTTP/1.1 404")) << path;
  }
}

/// The promise of docs/SERVER.md: under 300 KB.
TEST(WebPageTest, IsSmall) {
  std::size_t bytes = 0;
  for (const WebFile& file : web_files()) bytes += file.bytes.size();
  EXPECT_GT(bytes, 20'000u);
  EXPECT_LT(bytes, 300'000u);
}

TEST(WebPageTest, NeedsNoKeyToBeShown) {
  const AccessRules rules{.api_key = "secret"};
  EXPECT_EQ(check_access(rules, get("/", {{"accept", kBrowser}})), Access::kGranted);
  EXPECT_EQ(check_access(rules, get("/web/main.js")), Access::kGranted);
  EXPECT_EQ(check_access(rules, get("/")), Access::kNoKey);
  HttpRequest post = get("/web/main.js");
  post.method = "POST";
  EXPECT_EQ(check_access(rules, post), Access::kNoKey);
  EXPECT_EQ(check_access({}, get("/", {{"accept", kBrowser}, {"host", "evil.example"}})),
            Access::kWrongHost);
}

}  // namespace
}  // namespace oko::server

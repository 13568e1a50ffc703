#include "server/access.h"

#include <gtest/gtest.h>

#include <string>

namespace oko::server {
namespace {

HttpRequest request(HttpFields headers, std::string path = "/v1/models") {
  return {.method = "GET", .path = std::move(path), .query = {}, .headers = std::move(headers)};
}

TEST(AccessTest, TakesThisMachinesNamesAlone) {
  const AccessRules rules;
  for (const char* host : {"localhost", "localhost:11435", "127.0.0.1:11435", "[::1]:11435",
                           "[::1]", "LOCALHOST", "127.0.0.2"}) {
    EXPECT_EQ(check_access(rules, request({{"host", host}})), Access::kGranted) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example:11435", "evil.example:localhost",
                           "127.0.0.1.evil.example", "[::2]:1", ":11435"}) {
    EXPECT_EQ(check_access(rules, request({{"host", host}})), Access::kWrongHost) << host;
  }
  EXPECT_EQ(check_access(rules, request({})), Access::kGranted) << "HTTP/1.0";
  EXPECT_EQ(check_access({.hosts = {"mac.local"}}, request({{"host", "mac.local:80"}})),
            Access::kGranted);
}

TEST(AccessTest, TakesOwnPagesAlone) {
  const AccessRules rules;
  const std::string own = "http://localhost:11435";
  EXPECT_EQ(check_access(rules, request({{"host", "localhost:11435"}, {"origin", own}})),
            Access::kGranted);
  for (const char* origin : {"http://localhost:3000", "https://localhost:11435", "null",
                             "http://evil.example", "file://"}) {
    EXPECT_EQ(check_access(rules, request({{"host", "localhost:11435"}, {"origin", origin}})),
              Access::kWrongOrigin)
        << origin;
  }
  EXPECT_EQ(check_access({.origins = {"http://localhost:3000"}},
                         request({{"host", "localhost"}, {"origin", "http://localhost:3000"}})),
            Access::kGranted);
}

TEST(AccessTest, GivesNothingForPagesElsewhereToEmbed) {
  const auto access_of = [](const std::string& site, const std::string& mode,
                            const AccessRules& rules = {}) {
    return check_access(
        rules,
        request({{"host", "localhost:11435"}, {"sec-fetch-site", site}, {"sec-fetch-mode", mode}},
                "/v1/library/documents/1/picture"));
  };
  for (const char* site : {"cross-site", "same-site"}) {
    EXPECT_EQ(access_of(site, "no-cors"), Access::kWrongOrigin) << site;
    EXPECT_EQ(access_of(site, "navigate"), Access::kGranted) << site << ": a link";
    EXPECT_EQ(access_of(site, "no-cors", {.origins = {"*"}}), Access::kGranted) << site;
  }
  for (const char* site : {"same-origin", "none"}) {
    EXPECT_EQ(access_of(site, "no-cors"), Access::kGranted) << site;
  }
}

TEST(AccessTest, AsksForTheKey) {
  const AccessRules rules{.api_key = "secret"};
  for (const HttpFields& headers :
       {HttpFields{{"authorization", "Bearer secret"}}, HttpFields{{"x-api-key", "secret"}},
        HttpFields{{"authorization", "bearer secret"}}}) {
    EXPECT_EQ(check_access(rules, request(headers)), Access::kGranted);
  }
  for (const HttpFields& headers :
       {HttpFields{}, HttpFields{{"authorization", "Bearer secre"}},
        HttpFields{{"authorization", "Bearer secrets"}}, HttpFields{{"authorization", "secret"}},
        HttpFields{{"authorization", "Bearer secretsecret"}}, HttpFields{{"x-api-key", ""}}}) {
    EXPECT_EQ(check_access(rules, request(headers)), Access::kNoKey);
  }
  EXPECT_EQ(check_access(rules, request({}, "/health")), Access::kGranted);
  EXPECT_EQ(check_access(rules, request({{"host", "mac.local"}, {"x-api-key", "secret"}})),
            Access::kGranted)
      << "a page of another name has no key";
}

}  // namespace
}  // namespace oko::server

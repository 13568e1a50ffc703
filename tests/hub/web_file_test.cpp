// A file that a user names by its address, from a server of this machine that misbehaves.
#include "hub/web_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/gzip_text.h"
#include "tests/support/http_server.h"

namespace oko::hub {
namespace {

using namespace std::chrono_literals;

WebFileLimits limits() {
  WebFileLimits limits{.max_bytes = 100'000};
  limits.http.first_delay = 5ms;
  limits.http.tries = 3;
  limits.http.silence = 2s;
  return limits;
}

std::string fetched(const std::string& url, const WebFileLimits& limits) {
  std::string text;
  fetch_web_file(url, limits,
                 {.begin = [&] { text.clear(); },
                  .append =
                      [&](std::span<const std::byte> bytes) {
                        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                      }},
                 {});
  return text;
}

Error error_of(const std::string& url, const WebFileLimits& within = limits()) {
  try {
    fetched(url, within);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::kFailed, "");
}

TEST(WebFileTest, RedirectsAreFollowedAndNoTokenIsSent) {
  ::setenv("HF_TOKEN", "secret", 1);
  const HttpServer server([](const ServerRequest& request) {
    if (request.path == "/a.png") return ServerReply{.body = "picture"};
    return ServerReply{.status = 302, .fields = {{"Location", "/a.png"}}};
  });
  EXPECT_EQ(fetched(server.url() + "/moved", limits()), "picture");
  for (const ServerRequest& request : server.requests()) {
    EXPECT_EQ(request.field("authorization"), "");
  }
  ::unsetenv("HF_TOKEN");
}

TEST(WebFileTest, RedirectsWithoutAnEndAreAnError) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.status = 302, .fields = {{"Location", "/again"}}};
  });
  EXPECT_NE(std::string(error_of(server.url()).what()).find("too many redirects"),
            std::string::npos);
  EXPECT_LE(server.requests().size(), 40u);
}

TEST(WebFileTest, ALargerFileIsRefusedBeforeItComesOrWhileItDoes) {
  const std::string large(300'000, 'x');
  const HttpServer server([&](const ServerRequest& request) {
    ServerReply reply{.body = large};
    if (request.path == "/chunked") reply.late_last_chunk = 1ms;  // without a length
    return reply;
  });
  for (const char* path : {"/declared", "/chunked"}) {
    const Error error = error_of(server.url() + path);
    EXPECT_EQ(error.code(), ErrorCode::kTooLarge) << path;
    EXPECT_NE(std::string(error.what()).find(" is larger than 100 kB"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(WebFileTest, ADownloadThatTakesTooLongEnds) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.body = std::string(90'000, 'x'), .bytes_per_second = 10'000};
  });
  WebFileLimits short_time = limits();
  short_time.max_time = 1s;
  const Error error = error_of(server.url(), short_time);
  EXPECT_EQ(error.code(), ErrorCode::kFailed);
  EXPECT_NE(std::string(error.what()).find("takes longer than 1 s"), std::string::npos)
      << error.what();
  EXPECT_EQ(server.requests().size(), 1u) << "no second try";
}

TEST(WebFileTest, StatusesAreErrorsWithHints) {
  const auto of = [](int status) {
    const HttpServer server([&](const ServerRequest&) { return ServerReply{.status = status}; });
    Error error = error_of(server.url() + "/x?token=secret#part");
    EXPECT_EQ(server.requests().size(), status == 503 || status == 429 ? 3u : 1u) << status;
    EXPECT_EQ(std::string(error.what()),
              server.url() + "/x: the server answers with status " + std::to_string(status));
    return error;
  };
  EXPECT_EQ(of(404).code(), ErrorCode::kNotFound);
  EXPECT_EQ(of(410).code(), ErrorCode::kNotFound);
  EXPECT_TRUE(of(403).hint().contains("login"));
  EXPECT_TRUE(of(429).hint().contains("later"));
  EXPECT_TRUE(of(503).hint().contains("later"));
  EXPECT_TRUE(of(418).hint().contains("browser"));
  EXPECT_EQ(of(500 + 1).code(), ErrorCode::kBadInput);
}

TEST(WebFileTest, ThePageOfARefusalIsNotTheFile) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.status = 404, .body = "<html>not here</html>"};
  });
  const auto fail = [] { ADD_FAILURE() << "the receiver got something"; };
  try {
    fetch_web_file(server.url(), limits(),
                   {.begin = fail, .append = [&](std::span<const std::byte>) { fail(); }}, {});
    ADD_FAILURE() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST(WebFileTest, AServerThatAsksForHoursIsNotAskedAgain) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.status = 503, .fields = {{"Retry-After", "7200"}}};
  });
  EXPECT_TRUE(error_of(server.url()).message().contains("status 503"));
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(WebFileTest, ACutDownloadBeginsAnew) {
  std::atomic<int> count{0};
  const HttpServer server([&](const ServerRequest&) {
    ServerReply reply{.body = "the whole picture"};
    if (count++ == 0) reply.cut_after = 5;
    return reply;
  });
  EXPECT_EQ(fetched(server.url(), limits()), "the whole picture");
}

TEST(WebFileTest, AFileThatAProxyCompressesIsTaken) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.fields = {{"Content-Encoding", "gzip"}}, .body = kGzipText};
  });
  std::uint64_t total = 1;
  std::string text;
  fetch_web_file(server.url(), limits(),
                 {.begin = [] {},
                  .append =
                      [&](std::span<const std::byte> bytes) {
                        text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                      },
                  .progress = [&](std::uint64_t, std::uint64_t of) { total = of; }},
                 {});
  EXPECT_EQ(text, kPlainText);
  EXPECT_EQ(total, 0u) << "the length in the head is that of the compressed bytes";
}

TEST(WebFileTest, OnlyHttpIsAWebAddress) {
  for (const char* text : {"https://a.de/x.png", "HTTP://a", "http://"}) {
    EXPECT_TRUE(is_web_address(text)) << text;
  }
  for (const char* text :
       {"file:///etc/passwd", "ftp://a/b", "https:/a", "a.png", "", "httpx://"}) {
    EXPECT_FALSE(is_web_address(text)) << text;
  }
  EXPECT_EQ(error_of("http://").code(), ErrorCode::kFailed);
  for (const char* text : {"ftp://a/b", "S3://b", "https:/a", "http:a", "file:///etc/passwd"}) {
    EXPECT_TRUE(is_other_address(text)) << text;
  }
  for (const char* text : {"https://a", "a:b", "a b://c", "://a", "C:/x.png", "", "12:30.png"}) {
    EXPECT_FALSE(is_other_address(text)) << text;
  }
}

}  // namespace
}  // namespace oko::hub

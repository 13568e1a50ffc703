// Requests to a server of this machine that misbehaves as servers and networks do.
#include "net/http_client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "tests/support/environment.h"
#include "tests/support/gzip_text.h"
#include "tests/support/http_server.h"
#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"

namespace oko::net {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMax = 1'000'000;

HttpOptions quick() {
  HttpOptions options;
  options.first_delay = 5ms;
  options.tries = 4;
  options.connect_timeout = 2s;
  options.silence = 2s;
  return options;
}

HttpClient::Answer fetch(const HttpRequest& request) {
  return HttpClient(quick()).fetch(request, kMax, {});
}

Error error_of(const HttpRequest& request) {
  try {
    fetch(request);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::kFailed, "");
}

TEST(HttpClientTest, AnswerHasStatusFieldsAndBody) {
  const HttpServer server([](const ServerRequest& request) {
    return ServerReply{
        .status = 404, .fields = {{"X-Error-Code", " EntryNotFound "}}, .body = "no"};
  });
  const HttpClient::Answer answer = fetch({.url = server.url() + "/a?b=c"});
  EXPECT_EQ(answer.result.head.status, 404);
  EXPECT_EQ(answer.result.head.field("x-error-code"), "EntryNotFound");
  EXPECT_EQ(answer.result.head.url, server.url() + "/a?b=c");
  EXPECT_EQ(answer.body, "no");
  EXPECT_EQ(server.requests().at(0).path, "/a?b=c");
}

TEST(HttpClientTest, TokenIsNotSentToAnotherHost) {
  const HttpServer other([](const ServerRequest&) { return ServerReply{.body = "weights"}; });
  const HttpServer server([&](const ServerRequest& request) {
    if (request.path == "/moved") {
      return ServerReply{.status = 307, .fields = {{"Location", "/file"}}};
    }
    return ServerReply{.status = 302,
                       .fields = {{"Location", other.url() + "/blob"}, {"X-Own", "1"}}};
  });
  const auto answer = fetch({.url = server.url() + "/moved", .token = "secret"});
  EXPECT_EQ(answer.body, "weights");
  EXPECT_EQ(answer.result.head.url, other.url() + "/blob");
  EXPECT_EQ(answer.result.head.field("x-own"), "");  // of the redirect
  ASSERT_EQ(server.requests().size(), 2u);
  for (const ServerRequest& request : server.requests()) {
    EXPECT_EQ(request.field("authorization"), "Bearer secret") << request.path;
  }
  ASSERT_EQ(other.requests().size(), 1u);
  EXPECT_EQ(other.requests()[0].field("authorization"), "");
}

TEST(HttpClientTest, RangesAreSent) {
  const HttpServer server([](const ServerRequest&) { return ServerReply{.status = 206}; });
  fetch({.url = server.url(), .range = ByteRange{10, 20}});
  EXPECT_EQ(server.requests().at(0).field("range"), "bytes=10-19");
}

TEST(HttpClientTest, TransientStatusIsAskedAgain) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    std::atomic<int> count = 0;
    const HttpServer server([&](const ServerRequest&) {
      return ServerReply{.status = ++count < 3 ? status : 200, .body = "text"};
    });
    EXPECT_EQ(fetch({.url = server.url()}).result.head.status, 200) << status;
    EXPECT_EQ(count, 3) << status;
  }
}

TEST(HttpClientTest, LastingStatusIsNotAskedAgain) {
  for (const int status : {400, 401, 403, 404, 416, 501}) {
    const HttpServer server([&](const ServerRequest&) { return ServerReply{.status = status}; });
    EXPECT_EQ(fetch({.url = server.url()}).result.head.status, status);
    EXPECT_EQ(server.requests().size(), 1u) << status;
  }
}

TEST(HttpClientTest, ServerThatStaysBusyIsGivenUp) {
  const HttpServer server([](const ServerRequest&) { return ServerReply{.status = 503}; });
  EXPECT_EQ(fetch({.url = server.url()}).result.head.status, 503);
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST(HttpClientTest, WaitsAsLongAsTheServerAsks) {
  const auto start = std::chrono::steady_clock::now();
  std::atomic<int> count = 0;
  const HttpServer server([&](const ServerRequest&) {
    return ServerReply{.status = ++count == 1 ? 429 : 200, .fields = {{"Retry-After", "1"}}};
  });
  fetch({.url = server.url()});
  EXPECT_GE(std::chrono::steady_clock::now() - start, 1s);
}

TEST(HttpClientTest, DoesNotWaitForHours) {
  const HttpServer server([&](const ServerRequest&) {
    return ServerReply{.status = 429, .fields = {{"Retry-After", "7200"}}};
  });
  EXPECT_EQ(fetch({.url = server.url()}).result.head.status, 429);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClientTest, CutAnswerIsAskedAgain) {
  std::atomic<int> count = 0;
  const HttpServer server([&](const ServerRequest&) {
    ServerReply reply{.body = "whole text"};
    if (++count == 1) reply.cut_after = 4;
    return reply;
  });
  EXPECT_EQ(fetch({.url = server.url()}).body, "whole text");
}

TEST(HttpClientTest, AnswerShorterThanItsLengthIsAnError) {
  const HttpServer server(
      [](const ServerRequest&) { return ServerReply{.body = "text", .claimed_length = 10}; });
  const Error error = error_of({.url = server.url() + "/file?signature=secret"});
  EXPECT_EQ(error.code(), ErrorCode::kFailed);
  EXPECT_EQ(error.message().in(Language::kEnglish), server.url() + "/file: the connection was cut");
  EXPECT_EQ(error.message().in(Language::kRussian), server.url() + "/file: соединение оборвалось");
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST(HttpClientTest, SilentServerIsGivenUp) {
  HttpOptions options = quick();
  options.tries = 1;
  options.silence = 1s;
  const HttpServer server([](const ServerRequest&) { return ServerReply{.delay = 20s}; });
  try {
    HttpClient(options).fetch({.url = server.url()}, kMax, {});
    ADD_FAILURE() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().contains(": no answer")) << error.message();
  }
}

TEST(HttpClientTest, AnAnswerThatTricklesIsGivenUp) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.body = std::string(100'000, 'a'), .bytes_per_second = 400};
  });
  const auto fails = [&](HttpOptions options) {
    options.tries = 1;
    const auto start = std::chrono::steady_clock::now();
    try {
      HttpClient(options).fetch({.url = server.url()}, kMax, {});
    } catch (const Error& error) {
      EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
      return error.message().contains(": no answer");
    }
    return false;
  };
  HttpOptions options = quick();
  options.silence = 1s;
  EXPECT_TRUE(fails(options));
  options.silence = 30s;
  options.whole_answer = 1s;
  EXPECT_TRUE(fails(options));
}

TEST(HttpClientTest, TriesAreTold) {
  std::vector<std::string> reasons;
  HttpOptions options = quick();
  options.on_retry = [&](const LocalizedText& reason) {
    reasons.push_back(reason.in(Language::kEnglish));
  };
  std::atomic<int> count = 0;
  const HttpServer server([&](const ServerRequest&) {
    ++count;
    if (count == 1) return ServerReply{.body = "abc", .cut_after = 1};
    if (count == 2) return ServerReply{.status = 429, .fields = {{"Retry-After", "1"}}};
    return ServerReply{.status = count == 3 ? 503 : 200};
  });
  HttpClient(options).fetch({.url = server.url()}, kMax, {});
  EXPECT_EQ(reasons,
            (std::vector<std::string>{"the connection was cut",
                                      "the server answers with status 429 and asks to wait 1 s",
                                      "the server answers with status 503"}));
}

TEST(HttpClientTest, RefusedConnectionAndUnknownSchemeAreErrors) {
  std::string closed;
  {
    closed = HttpServer([](const ServerRequest&) { return ServerReply(); }).url();
  }
  EXPECT_TRUE(error_of({.url = closed}).message().contains(": no connection"));
  EXPECT_EQ(error_of({.url = "file:///etc/passwd"}).code(), ErrorCode::kFailed);
}

TEST(HttpClientTest, CertificatesAreThoseOfTheVariables) {
  Environment environment;
  environment.unset("SSL_CERT_FILE");
  environment.set("CURL_CA_BUNDLE", "/nonexistent/authorities.pem");
  const HttpServer plain([](const ServerRequest&) { return ServerReply(); });
  const std::string url = "https" + plain.url().substr(4);
  EXPECT_TRUE(error_of({.url = url}).message().contains("/nonexistent/authorities.pem"));
  environment.unset("CURL_CA_BUNDLE");
  environment.set("SSL_CERT_FILE", "/nonexistent/others.pem");
  EXPECT_TRUE(error_of({.url = url}).message().contains("/nonexistent/others.pem"));
}

/// A server with a certificate of its own, made by openssl's program.
class TlsTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "https_proxy",
                             "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
      environment_.unset(name);
    }
    const std::string command =
        "cd '" + folder_.string() +
        "' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "
        "key -out certificate -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 && "
        "mkdir folder && cp certificate folder/$(openssl x509 -hash -noout -in certificate).0 && "
        "exec openssl s_server -accept 127.0.0.1:0 -key key -cert certificate -www >log";
    server_.emplace(std::vector<std::string>{"/bin/sh", "-c", command}, std::vector<std::string>{});
    for (int i = 0; i < 3000 && url_.empty() && server_->is_running(); ++i) {
      std::this_thread::sleep_for(10ms);
      std::ifstream log(folder_ / "log");
      for (std::string line; std::getline(log, line) && !log.eof();) {
        if (!line.starts_with("ACCEPT ")) continue;
        url_ = "https://127.0.0.1:" + line.substr(line.rfind(':') + 1) + "/";
      }
    }
    if (url_.empty()) GTEST_SKIP() << "no server by openssl: " << stop().err;
  }
  void TearDown() override {
    if (server_) stop();
    ScratchFolderTest::TearDown();
  }
  ProcessResult stop() {
    server_->signal(SIGKILL);
    const ProcessResult result = server_->wait();
    server_.reset();
    return result;
  }

  Environment environment_;
  std::optional<Process> server_;
  std::string url_;
};

TEST_F(TlsTest, OnlyATrustedCertificateIsTaken) {
  const Error error = error_of({.url = url_});
  EXPECT_TRUE(error.message().contains("the certificate of the server is not trusted ("))
      << error.message();
  EXPECT_TRUE(error.hint().contains("CURL_CA_BUNDLE")) << error.hint();
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    environment_.set(name, folder_ / "certificate");
    EXPECT_EQ(fetch({.url = url_}).result.head.status, 200) << name;
    environment_.unset(name);
  }
  environment_.set("CURL_CA_BUNDLE", folder_ / "certificate");  // goes before the other
  environment_.set("SSL_CERT_FILE", "/nonexistent/others.pem");
  EXPECT_EQ(fetch({.url = url_}).result.head.status, 200);
  environment_.unset("CURL_CA_BUNDLE");
  environment_.unset("SSL_CERT_FILE");
  environment_.set("SSL_CERT_DIR", folder_ / "folder");
  EXPECT_EQ(fetch({.url = url_}).result.head.status, 200);
  environment_.unset("SSL_CERT_DIR");
  EXPECT_EQ(error_of({.url = url_}).code(), ErrorCode::kFailed);
}

TEST(HttpClientTest, OddAddressesAndAnswersHaveTheirReasonInBothLanguages) {
  Environment environment;
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"}) {
    environment.unset(name);
  }
  const HttpServer server([](const ServerRequest& request) {
    if (request.path != "/moved") return ServerReply{.status = 403};
    return ServerReply{.status = 302, .fields = {{"Location", "ftp://127.0.0.1/x"}}};
  });
  const auto expect = [](const std::string& url, const char* english, const char* russian) {
    const LocalizedText text = error_of({.url = url}).message();
    EXPECT_EQ(text.in(Language::kEnglish), shown_url(url) + ": " + english);
    EXPECT_EQ(text.in(Language::kRussian), shown_url(url) + ": " + russian);
  };
  for (const char* url : {"http://", "http://a b/", "http://[::1/", "http://a:99999/"}) {
    expect(url, "this is not the address of a file", "это не адрес файла");
  }
  expect("file:///etc/passwd", "only addresses of https and http are taken",
         "годятся только адреса https и http");
  expect(server.url() + "/moved", "the server redirects to an address that oko does not follow",
         "сервер перенаправляет на адрес, по которому oko не ходит");
  environment.set("https_proxy", server.url());
  const std::size_t before = server.requests().size();
  expect("https://hub.invalid/", "the proxy refuses the connection (status 403)",
         "прокси отказывает в соединении (статус 403)");
  EXPECT_EQ(server.requests().size(), before + 1);
}

TEST(HttpClientTest, ACompressionThatNobodyHasAskedForIsUndone) {
  const HttpServer server([](const ServerRequest& request) {
    return ServerReply{.fields = {{"Content-Encoding", request.path.substr(1)}}, .body = kGzipText};
  });
  EXPECT_EQ(fetch({.url = server.url() + "/gzip"}).body, kPlainText);
  EXPECT_EQ(server.requests().back().field("accept-encoding"), "identity");
  EXPECT_TRUE(error_of({.url = server.url() + "/unknown"})
                  .message()
                  .contains("the answer is compressed in a way that oko does not read"));
}

TEST(HttpClientTest, AnswerThatIsTooLargeIsRefused) {
  const HttpServer server(
      [](const ServerRequest&) { return ServerReply{.body = std::string(kMax + 1, 'a')}; });
  EXPECT_TRUE(error_of({.url = server.url()}).message().contains("more than 1000000 bytes"));
}

TEST(HttpClientTest, RedirectsWithoutAnEndAreAnError) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.status = 302, .fields = {{"Location", "/"}}};
  });
  EXPECT_TRUE(error_of({.url = server.url()}).message().contains("too many redirects"));
}

TEST(HttpClientTest, StopEndsARequestAndAWaitAtOnce) {
  const HttpServer slow([](const ServerRequest&) { return ServerReply{.delay = 20s}; });
  const HttpServer busy([](const ServerRequest&) {
    return ServerReply{.status = 503, .fields = {{"Retry-After", "100"}}};
  });
  for (const HttpServer* server : {&slow, &busy}) {
    StopSource stop;
    const JoiningThread stopper([&] {
      std::this_thread::sleep_for(200ms);
      stop.request_stop();
    });
    const auto start = std::chrono::steady_clock::now();
    HttpOptions options = quick();
    options.silence = 30s;
    try {
      HttpClient(options).fetch({.url = server->url()}, kMax, stop.get_token());
      ADD_FAILURE() << "no error was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start,
              900ms);  // libcurl looks once a second by itself
  }
}

TEST(HttpClientTest, RequestsRunAtOnce) {
  const HttpServer server([](const ServerRequest& request) {
    return ServerReply{.body = request.path, .delay = 200ms};
  });
  HttpClient client(quick());
  std::map<int, std::string> bodies;
  for (int id = 0; id < 4; ++id) {
    client.start(id, {.url = server.url() + "/" + std::to_string(id)},
                 {.on_body = [&bodies, id](std::span<const std::byte> bytes) {
                   bodies[id].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                   return true;
                 }});
  }
  while (client.running() > 0) EXPECT_TRUE(client.wait(10s, {})->result.complete);
  EXPECT_EQ(server.most_at_once(), 4);
  for (int id = 0; id < 4; ++id) EXPECT_EQ(bodies[id], "/" + std::to_string(id));
}

TEST(HttpClientTest, ReceiversRefuseAndThrow) {
  const HttpServer server([](const ServerRequest&) { return ServerReply{.body = "text"}; });
  HttpClient client(quick());
  const auto take = [](std::span<const std::byte>) { return true; };
  client.start(
      1, {.url = server.url()},
      {.on_head = [](const HttpHead& head) { return head.status == 206; }, .on_body = take});
  const auto ended = client.wait(10s, {});
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->result.refused);
  EXPECT_FALSE(ended->result.complete);
  client.start(2, {.url = server.url()}, {.on_body = [](std::span<const std::byte>) -> bool {
                 throw Error(ErrorCode::kFailed, "full disk");
               }});
  EXPECT_THROW(client.wait(10s, {}), Error);
  EXPECT_EQ(client.running(), 0);
}

TEST(HttpClientTest, BodiesAreSentWithTheirMethodAndUser) {
  const HttpServer server([](const ServerRequest& request) {
    return ServerReply{.body = request.method + " " + request.field("content-type") + " " +
                               request.field("authorization") + " " + request.body};
  });
  HttpClient client(quick());
  const HttpRequest request{.url = server.url(),
                            .method = "PUT",
                            .body = "тело",
                            .type = "text/x",
                            .user = "user",
                            .password = "pass"};
  EXPECT_EQ(client.fetch(request, kMax, {}).body, "PUT text/x Basic dXNlcjpwYXNz тело");
  const HttpRequest bare{.url = server.url(), .method = "DELETE"};
  EXPECT_EQ(client.fetch(bare, kMax, {}).body, "DELETE   ");
}

TEST(HttpClientTest, ShownUrlsHaveNoSecrets) {
  EXPECT_EQ(shown_url("https://user:pass@host/a/b?X-Signature=1#x"), "https://host/a/b");
  EXPECT_EQ(shown_url("https://host/a@b"), "https://host/a@b");
}

}  // namespace
}  // namespace oko::net

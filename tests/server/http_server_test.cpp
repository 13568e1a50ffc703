#include "server/http_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"
#include "tests/server/raw_client.h"

namespace oko::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

/// A server whose handler echoes, streams, or waits for its end.
class HttpServerTest : public testing::Test {
 protected:
  void start(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(
        std::move(options),
        HttpHandlers{
            .handle = [this](auto& request, auto& response) { handle(request, response); },
            .gate =
                [](const auto& request, auto& response) {
                  if (request.path != "/closed") return true;
                  response.send({.status = 401}, "no");
                  return false;
                },
            .refusal_body = [](HttpRefusal refusal,
                               const auto&) { return fmt::format("{}", status_of(refusal)); }});
  }

  void handle(const HttpRequest& request, HttpResponse& response) {
    if (request.path == "/stream") {
      response.begin({.content_type = "text/plain"});
      for (const char* piece : {"one ", "", "two"}) response.write(piece);
      response.end();
    } else if (request.path == "/flood") {
      response.begin({});
      for (int i = 0; i < 64; ++i) response.write(std::string(1 << 20, 'x'));
      response.end();
    } else if (request.path == "/wait") {
      waiting_.set_value();
      std::promise<void> stopped;
      const StopCallback by_stop(response.stop(), [&] { stopped.set_value(); });
      stopped.get_future().wait();
      stopped_.set_value();
    } else if (request.path == "/slow") {
      waiting_.set_value();
      go_on_.get_future().wait();
      response.send({}, "slow");
    } else if (request.path == "/pause") {
      const StopCallback by_stop(response.stop(), [&] { stopped_.set_value(); });
      response.begin({});
      response.write("one");
      go_on_.get_future().wait();
      response.write("two");
      response.end();
    } else if (request.path == "/throw") {
      throw Error(ErrorCode::kFailed, LocalizedText("thrown"));
    } else {
      std::string seen = request.method + " " + request.path;
      for (const auto& [name, value] : request.query) seen += " " + name + "=" + value;
      response.send({.status = 200, .headers = {{"X-Test", "a\r\nb"}}}, seen + " " + request.body);
    }
  }

  RawClient client() const { return RawClient(server_->port()); }

  std::promise<void> waiting_, stopped_, go_on_;
  std::unique_ptr<HttpServer> server_;
};

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST_F(HttpServerTest, AnswersRequestsOfOneConnectionInTurn) {
  start();
  RawClient one(server_->port());
  one.send(
      "GET /a%20b?c=d+e&f HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(body_of(one.read_answer()), "GET /a b c=d e f= ");
  const std::string second = one.read_answer();
  EXPECT_EQ(body_of(second), "POST /p body");
  EXPECT_NE(second.find("X-Test: a  b\r\n"), std::string::npos) << "a header is one line";
  EXPECT_NE(second.find("Connection: keep-alive"), std::string::npos);
}

TEST_F(HttpServerTest, KeepsWhatComesDuringAnAnswerForTheNext) {
  start();
  RawClient one(server_->port());
  one.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting_.get_future().wait();
  one.send("GET http://x/next HTTP/1.1\r\nHost: x\r\n\r\n");
  go_on_.set_value();
  EXPECT_EQ(body_of(one.read_answer()), "slow");
  EXPECT_EQ(body_of(one.read_answer()), "GET /next ");
}

TEST_F(HttpServerTest, ReadsABodyInChunks) {
  start();
  RawClient one(server_->port());
  one.send("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  one.send("2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(one.read_answer()), "POST /p abcde");
}

TEST_F(HttpServerTest, StreamsInChunksAndForHttp10ToTheEndOfTheConnection) {
  start();
  RawClient now(server_->port());
  now.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(now.read_until("0\r\n\r\n")), "4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
  RawClient old(server_->port());
  old.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = old.read_all();
  EXPECT_EQ(body_of(answer), "one two");
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  start();
  RawClient one(server_->port());
  one.send("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = one.read_all();
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(HttpServerTest, AsksForABodyThatWaitsForIt) {
  start();
  RawClient one(server_->port());
  one.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  one.read_until("100 Continue\r\n\r\n");
  one.send("ab");
  EXPECT_NE(one.read_until("POST /p ab").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesWhatIsMalformedOrTooLarge) {
  start({.max_header_bytes = 1024, .max_body_bytes = 100});
  const std::string lines(2000, 'h');
  const std::pair<std::string, int> kRequests[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/9.9\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
       400},
      {"GET / HTTP/1.1\r\nHost: x\r\nLong: " + lines + "\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
           std::string(101, 'a') + "\r\n",
       413},
  };
  for (const auto& [request, status] : kRequests) {
    RawClient one(server_->port());
    one.send(request);
    const std::string answer = one.read_all();
    EXPECT_EQ(answer.substr(0, 12), fmt::format("HTTP/1.1 {}", status)) << request;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << request;
  }
}

TEST_F(HttpServerTest, ClosesAfterTheGateRefuses) {
  start();
  RawClient one(server_->port());
  one.send("POST /closed HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(body_of(one.read_all()), "no");
}

TEST_F(HttpServerTest, DropsClientsThatDrip) {
  start({.header_timeout = milliseconds(50), .progress_timeout = milliseconds(50)});
  for (const char* part :
       {"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"}) {
    RawClient one(server_->port());
    one.send(part);
    EXPECT_EQ(one.read_all(), "") << part;
  }
  RawClient idle(server_->port());
  idle.end_of_sending();
  EXPECT_EQ(idle.read_all(), "");
}

TEST_F(HttpServerTest, StopsTheHandlerOfAClientThatHangsUp) {
  start();
  RawClient one(server_->port());
  one.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting_.get_future().wait();
  one.send("\r\nGET /a HTTP/1.1\r\n");  // it may have sent more before
  one.hang_up();
  EXPECT_EQ(stopped_.get_future().wait_for(kLong), std::future_status::ready);
}

TEST_F(HttpServerTest, AnswersAClientThatSendsNoMore) {
  start();
  const auto answer_to = [&](const std::string& request) {
    RawClient one(server_->port());
    one.send(request);
    one.end_of_sending();
    return one.read_all();
  };
  EXPECT_EQ(body_of(answer_to("GET /a HTTP/1.0\r\n\r\n")), "GET /a ");
  EXPECT_EQ(body_of(answer_to("GET /stream HTTP/1.0\r\n\r\n")), "one two");
  // Two requests: the second is read, too.
  const std::string both =
      answer_to("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(both.ends_with("GET /b ")) << both;

  RawClient slow(server_->port());
  slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting_.get_future().wait();
  slow.end_of_sending();
  slow.read_until("102 Processing\r\n\r\n");
  go_on_.set_value();
  EXPECT_TRUE(slow.read_all().ends_with("\r\n\r\nslow"));
}

TEST_F(HttpServerTest, AClientThatSendsNoMoreGetsAWholeStream) {
  start();
  RawClient one(server_->port());
  one.send("GET /pause HTTP/1.1\r\nHost: x\r\n\r\n");
  one.read_until("one");
  one.end_of_sending();
  one.read_until("one\r\n0");  // the question whether it has gone, within the next chunk's size
  go_on_.set_value();
  EXPECT_EQ(body_of(one.read_all()), "3\r\none\r\n03\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(HttpServerTest, StopsAStreamOfAClientThatHangsUp) {
  start();
  RawClient one(server_->port());
  one.send("GET /pause HTTP/1.1\r\nHost: x\r\n\r\n");
  one.read_until("one");
  one.hang_up();
  EXPECT_EQ(stopped_.get_future().wait_for(kLong), std::future_status::ready);
  go_on_.set_value();
}

TEST_F(HttpServerTest, StopsTheHandlerOfAClientThatDoesNotRead) {
  start({.progress_timeout = milliseconds(100)});
  RawClient one(server_->port());
  one.send("GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
  one.read_until("\r\n\r\n");
  server_->stop(kLong);  // returns once the handler has ended, at its 64 MB or at the timeout
  const std::string answer = one.read_all();
  EXPECT_LT(answer.size(), std::size_t{64} << 20);
}

TEST_F(HttpServerTest, EndsTheConnectionOfAHandlerThatThrows) {
  start();
  RawClient one(server_->port());
  one.send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(one.read_all(), "");
  RawClient other(server_->port());
  other.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(body_of(other.read_answer()), "GET /a ");
}

TEST_F(HttpServerTest, LimitsRequestsAndConnections) {
  start({.max_connections = 2, .max_requests = 1});
  RawClient running(server_->port());
  running.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting_.get_future().wait();
  RawClient second(server_->port());
  second.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string refused = second.read_until("503\r\n");
  EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos) << refused;
  RawClient third(server_->port());
  EXPECT_NE(third.read_all().find("503 Service Unavailable"), std::string::npos);
}

TEST_F(HttpServerTest, LimitsTheBodiesOfAllRequestsTogether) {
  start({.max_body_bytes = 100, .max_bodies_bytes = 150});
  RawClient first(server_->port());
  first.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n");
  first.read_until("100 Continue\r\n\r\n");
  RawClient second(server_->port());
  second.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  EXPECT_NE(second.read_all().find("HTTP/1.1 503"), std::string::npos);
  first.hang_up();
}

TEST_F(HttpServerTest, WaitsForAnswersUnderWayBeforeItStops) {
  start();
  RawClient one(server_->port());
  one.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting_.get_future().wait();
  RawClient idle(server_->port());
  server_->stop(milliseconds(20));
  EXPECT_EQ(stopped_.get_future().wait_for(milliseconds(0)), std::future_status::ready);
  EXPECT_EQ(idle.read_all(), "");
}

TEST_F(HttpServerTest, TakesNoMoreWhileAnswersUnderWayEnd) {
  constexpr std::chrono::hours kVeryLong{1};
  start({.idle_timeout = kVeryLong});
  RawClient under_way(server_->port()), idle(server_->port());
  idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_answer();
  under_way.send("GET /pause HTTP/1.1\r\nHost: x\r\n\r\n");
  under_way.read_until("one");
  const auto stop = std::async(std::launch::async, [&] { server_->stop(kVeryLong); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_NO_THROW(HttpServer({.port = server_->port()}, {})) << "it still listens";
  go_on_.set_value();
  EXPECT_EQ(body_of(under_way.read_all()), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  stop.wait();
  EXPECT_EQ(stopped_.get_future().wait_for(milliseconds(0)), std::future_status::timeout);
}

TEST_F(HttpServerTest, SaysThatAPortIsInUse) {
  start();
  try {
    const HttpServer second({.port = server_->port()}, {});
    FAIL() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed);
    EXPECT_TRUE(error.message().contains(fmt::format("{}", server_->port())));
    EXPECT_TRUE(error.hint().contains("--port"));
  }
  EXPECT_THROW(HttpServer({.address = "nowhere"}, {}), Error);
}

}  // namespace
}  // namespace oko::server

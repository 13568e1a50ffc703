// Files whose address a stranger names: nothing of this machine and its networks is asked.
#include "net/public_file.h"

#include <gtest/gtest.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "base/stop_token.h"
#include "net/public_address.h"
#include "tests/support/http_server.h"

namespace oko::net {
namespace {

struct Resolved {
  explicit Resolved(const std::string& numbers) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    EXPECT_EQ(::getaddrinfo(numbers.c_str(), nullptr, &hints, &found), 0) << numbers;
    list.reset(found);
  }
  const sockaddr& address() const { return *list->ai_addr; }

  struct Free {
    void operator()(addrinfo* first) const { ::freeaddrinfo(first); }
  };
  std::unique_ptr<addrinfo, Free> list;
};

TEST(PublicAddressTest, TakesGlobalAddressesAlone) {
  for (const char* numbers : {"1.1.1.1",           "8.8.8.8",
                              "9.255.255.255",     "11.0.0.0",
                              "100.63.255.255",    "100.128.0.0",
                              "126.255.255.255",   "128.0.0.0",
                              "169.253.255.255",   "169.255.0.0",
                              "172.15.255.255",    "172.32.0.0",
                              "192.0.1.0",         "192.0.3.0",
                              "192.167.255.255",   "192.169.0.0",
                              "198.17.255.255",    "198.20.0.0",
                              "198.51.99.255",     "203.0.114.0",
                              "223.255.255.255",   "2606:4700:4700::1111",
                              "2a00:1450:4001::8", "2001:4860:4860::8888",
                              "2001:db7::1",       "2001:db9::1",
                              "2002:808:808::1",   "64:ff9b::8.8.8.8",
                              "3ffe::1",           "2400::"}) {
    EXPECT_TRUE(is_global_address(Resolved(numbers).address())) << numbers;
  }
  for (const char* numbers : {"0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.254",
                              "169.254.0.1",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.0.0.170",
                              "192.0.2.1",
                              "192.88.99.1",
                              "192.168.0.1",
                              "192.168.255.255",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.255",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:8.8.8.8",
                              "::127.0.0.1",
                              "::8.8.8.8",
                              "64:ff9b::127.0.0.1",
                              "64:ff9b::10.1.2.3",
                              "64:ff9b::169.254.169.254",
                              "64:ff9b:1::8.8.8.8",
                              "100::1",
                              "1::1",
                              "2001::1",
                              "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                              "2001:2::1",
                              "2001:10::1",
                              "2001:20::1",
                              "2001:1ff::1",
                              "2001:db8::1",
                              "2001:db8:ffff::1",
                              "2002:7f00:1::1",
                              "2002:a00:1::1",
                              "2002:c0a8:101::1",
                              "2002:a9fe:a9fe::1",
                              "3fff::1",
                              "3fff:fff:ffff::1",
                              "4000::1",
                              "5f00::1",
                              "fc00::1",
                              "fd12:3456::1",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "ff02::1",
                              "ff0e::1"}) {
    EXPECT_FALSE(is_global_address(Resolved(numbers).address())) << numbers;
  }
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(is_global_address(other));
}

TEST(PublicAddressTest, KnowsTheNetworksOfThisMachine) {
  EXPECT_TRUE(is_of_own_networks(Resolved("127.0.0.1").address()));
  EXPECT_TRUE(is_of_own_networks(Resolved("127.1.2.3").address())) << "127.0.0.0/8";
  EXPECT_FALSE(is_of_own_networks(Resolved("8.8.8.8").address()));
  EXPECT_TRUE(is_public_address(Resolved("8.8.8.8").address()));
}

PublicFileOptions open_options() {
  return {.may_dial = [](const sockaddr&) { return true; }, .any_port = true};
}

std::string fetched(const std::string& url, const PublicFileOptions& options,
                    const StopToken& stop = {}) {
  std::string bytes;
  fetch_public_file(
      url, options,
      [&](std::span<const std::byte> piece) {
        bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      },
      stop);
  return bytes;
}

std::string refusal_of(const std::string& url, const PublicFileOptions& options) {
  try {
    const std::string bytes = fetched(url, options);
    return "fetched " + bytes;
  } catch (const Error& error) {
    return error.message().in(Language::kEnglish);
  }
}

constexpr const char* kUnreachable = "nothing could be fetched from this address";

ServerReply redirect_to(const std::string& place) {
  return {.status = 302, .fields = {{"Location", place}}, .body = "moved"};
}

TEST(PublicFileTest, FetchesAndFollows) {
  HttpServer server([](const ServerRequest& request) -> ServerReply {
    if (request.path == "/a") return redirect_to("/b");
    if (request.path == "/b") return redirect_to("c?d");
    if (request.path == "/c?d") return {.body = "file"};
    return {.status = 404};
  });
  EXPECT_EQ(fetched(server.url() + "/c?d", open_options()), "file");
  EXPECT_EQ(fetched(server.url() + "/a", open_options()), "file");
  EXPECT_NE(refusal_of(server.url() + "/none", open_options()).find("404"), std::string::npos);
  for (const ServerRequest& request : server.requests()) {
    EXPECT_EQ(request.field("authorization") + request.field("cookie") + request.field("referer"),
              "");
  }
}

TEST(PublicFileTest, AsksNothingOfThisMachine) {
  HttpServer server([](const ServerRequest&) -> ServerReply { return {.body = "secret"}; });
  const std::string port = ":" + std::to_string(server.port()) + "/";
  PublicFileOptions options = open_options();
  options.may_dial = {};
  for (const char* host : {"127.0.0.1",
                           "127.1",
                           "2130706433",
                           "0x7f.1",
                           "0x7f000001",
                           "0177.0.0.1",
                           "017700000001",
                           "0",
                           "0.0.0.0",
                           "localhost",
                           "LOCALHOST",
                           "localhost.",
                           "%6c%6f%63alhost",
                           "[::1]",
                           "[::]",
                           "[::ffff:127.0.0.1]",
                           "[::ffff:7f00:1]",
                           "[::127.0.0.1]",
                           "[64:ff9b::7f00:1]",
                           "①②⑦.⓪.⓪.①",
                           "nowhere.invalid"}) {
    EXPECT_EQ(refusal_of("http://" + (host + port), options), kUnreachable) << host;
  }
  // A name of both: neither is tried twice, and what is near is never asked.
  options.known_hosts = {"two.example" + port.substr(0, port.size() - 1) + ":127.0.0.1,::1"};
  EXPECT_EQ(refusal_of("http://two.example" + port, options), kUnreachable);
  EXPECT_TRUE(server.requests().empty());
}

TEST(PublicFileTest, JudgesTheAddressThatItDialsEachTime) {
  HttpServer server([](const ServerRequest&) -> ServerReply { return {.body = "secret"}; });
  HttpServer first([&](const ServerRequest&) {
    return redirect_to("http://name.example:" + std::to_string(server.port()) + "/b");
  });
  PublicFileOptions options = open_options();
  options.known_hosts = {"name.example:" + std::to_string(first.port()) + ":127.0.0.1",
                         "name.example:" + std::to_string(server.port()) + ":127.0.0.1"};
  int dialled = 0;
  options.may_dial = [&](const sockaddr& address) {
    EXPECT_EQ(address.sa_family, AF_INET);
    return ++dialled == 1;  // as if the name led elsewhere the second time
  };
  EXPECT_EQ(refusal_of("http://name.example:" + std::to_string(first.port()) + "/", options),
            kUnreachable);
  EXPECT_EQ(dialled, 2);
  EXPECT_EQ(first.requests().size(), 1u);
  EXPECT_TRUE(server.requests().empty());
}

TEST(PublicFileTest, FollowsFewRedirectsAndToTheWebAlone) {
  std::string place;
  HttpServer server([&](const ServerRequest&) { return redirect_to(place); });
  for (const char* to : {"file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/",
                         "http://user:word@127.0.0.1/", "dict://127.0.0.1:11211/stat"}) {
    place = to;
    EXPECT_EQ(refusal_of(server.url(), open_options()), kUnreachable) << to;
  }
  const std::size_t before = server.requests().size();
  place = "/again";
  EXPECT_EQ(refusal_of(server.url(), open_options()), "this address redirects more than 3 times");
  EXPECT_EQ(server.requests().size() - before, 4u);
}

TEST(PublicFileTest, TakesNoOtherAddresses) {
  PublicFileOptions options = open_options();
  options.any_port = false;
  for (const std::string& url :
       {std::string(), std::string("file:///etc/passwd"), std::string("ftp://example.org/a"),
        std::string("http://"), std::string("http://a b/"), std::string("http://user@example.org/"),
        std::string("https://user:word@example.org/"), std::string("http://example.org:8080/"),
        std::string("https://example.org:22/"), std::string("http://example.org:0/"),
        std::string("http://example.org:99999/"), std::string("//example.org/"),
        std::string("http://[::1/"), std::string("http://example.org/\r\nHost: x"),
        "http://example.org/" + std::string(10'000, 'a')}) {
    EXPECT_EQ(refusal_of(url, options).find("this is no address that oko fetches"), 0u) << url;
  }
}

TEST(PublicFileTest, TakesNoMoreBytesAndTimeThanItMay) {
  HttpServer server([](const ServerRequest& request) -> ServerReply {
    if (request.path == "/long") return {.body = std::string(1001, 'a')};
    if (request.path == "/unsaid") {
      return {.body = std::string(1001, 'a'), .late_last_chunk = std::chrono::milliseconds(0)};
    }
    if (request.path == "/slow") return {.body = std::string(1000, 'a'), .bytes_per_second = 10};
    return {.body = std::string(1000, 'a')};
  });
  PublicFileOptions options = open_options();
  options.max_bytes = 1000;
  EXPECT_EQ(fetched(server.url(), options).size(), 1000u);
  for (const char* path : {"/long", "/unsaid"}) {
    EXPECT_EQ(refusal_of(server.url() + path, options),
              "the file of this address has more than 1000 bytes")
        << path;
  }
  options.max_time = std::chrono::seconds(1);
  EXPECT_EQ(refusal_of(server.url() + "/slow", options),
            "the server of this address takes longer than 1 s");
}

TEST(PublicFileTest, AsksNoProxy) {
  HttpServer proxy([](const ServerRequest&) -> ServerReply { return {.body = "of the proxy"}; });
  HttpServer server([](const ServerRequest&) -> ServerReply { return {.body = "file"}; });
  for (const char* name : {"http_proxy", "all_proxy"}) ::setenv(name, proxy.url().c_str(), 1);
  ::setenv("no_proxy", "", 1);
  EXPECT_EQ(fetched(server.url(), open_options()), "file");
  for (const char* name : {"http_proxy", "all_proxy", "no_proxy"}) ::unsetenv(name);
  EXPECT_TRUE(proxy.requests().empty());
}

TEST(PublicFileTest, EndsWhenItIsStopped) {
  HttpServer server([](const ServerRequest&) -> ServerReply {
    return {.body = "late", .delay = std::chrono::minutes(10)};
  });
  StopSource stop;
  PublicFileOptions options = open_options();
  options.may_dial = [&](const sockaddr&) {
    stop.request_stop();
    return true;
  };
  try {
    fetched(server.url(), options, stop.get_token());
    FAIL() << "it waited";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace oko::net

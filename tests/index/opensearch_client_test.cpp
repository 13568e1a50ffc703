// Requests to OpenSearch, against a server of this machine that answers as it does.
#include "index/opensearch_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/stop_token.h"
#include "index/opensearch_mapping.h"
#include "index/opensearch_state.h"
#include "index/opensearch_store.h"
#include "tests/support/http_server.h"

namespace oko::index {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

net::HttpOptions quick() {
  return {.first_delay = 1ms, .tries = 4, .connect_timeout = 2s, .silence = 2s};
}

OpenSearchAddress address_of(const std::vector<std::string>& hosts) {
  OpenSearchAddress address;
  address.hosts = hosts;
  address.index = "library";
  return address;
}

/// The error that a request gets for an answer.
Error error_of(const ServerReply& reply) {
  const HttpServer server([&](const ServerRequest&) { return reply; });
  OpenSearchClient client(address_of({server.url()}), quick());
  try {
    client.send("GET", "/_search");
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kCancelled, "no error"};
}

ServerReply refusal(int status, const std::string& type) {
  return {.status = status,
          .body = R"({"error":{"type":")" + type + R"(","reason":"some reason"}})"};
}

TEST(OpenSearchAddressTest, PartsAreRead) {
  const OpenSearchAddress address = parse_opensearch_address(
      "opensearch+https://me:p%40ss%3a@one.example:1234,two/my-index?shards=3&replicas=2");
  EXPECT_EQ(address.hosts,
            (std::vector<std::string>{"https://one.example:1234", "https://two:9200"}));
  EXPECT_EQ(address.index, "my-index");
  EXPECT_EQ(address.user, "me");
  EXPECT_EQ(address.password, "p@ss:");
  EXPECT_EQ(address.shards, 3);
  EXPECT_EQ(address.replicas, 2);
  EXPECT_EQ(address.shown(), "https://one.example:1234/my-index");
  EXPECT_EQ(parse_opensearch_address("opensearch://[::1]/a").hosts.at(0), "http://[::1]:9200");
  EXPECT_EQ(parse_opensearch_address("opensearch://h/a").replicas, -1);
  EXPECT_EQ(parse_opensearch_address("opensearch://me:50%@h/a").password, "50%");
}

TEST(OpenSearchAddressTest, WrongOnesAreRefusedWithoutThePassword) {
  for (const char* wrong :
       {"opensearch:", "opensearch://", "opensearch://secret@", "opensearch://me:secret@host",
        "opensearch://me:secret@host/", "opensearch://me:secret@host/Large",
        "opensearch://me:secret@host/_all", "opensearch://me:secret@a b/index",
        "opensearch://me:secret@host/a/b", "opensearch://me:secret@host/a?shards=0",
        "opensearch://me:secret@host/a?colour=red", "opensearch://me:secret@host,/a",
        "opensearch://me:secret@host:65536/a", "opensearch://me:secret@host:0/a",
        "opensearch://me:secret@[::1]:/a", "opensearch://me:secret/a",
        "opensearch+http://me:secret@host/a"}) {
    try {
      parse_opensearch_address(wrong);
      ADD_FAILURE() << "took " << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_FALSE(error.message().contains("secret")) << error.message();
    }
  }
}

TEST(OpenSearchClientTest, BusyClustersAreAskedAgain) {
  std::atomic<int> requests{0};
  const HttpServer server([&](const ServerRequest&) {
    const int number = requests++;
    if (number == 1) return ServerReply{.status = 429, .body = "{}"};
    if (number == 2) return ServerReply{.status = 503, .body = "{}"};
    if (number == 3) return ServerReply{.body = R"({"a":1)", .claimed_length = 100};  // cut
    return ServerReply{.body = R"({"a":1})"};
  });
  OpenSearchClient client(address_of({server.url()}), quick());
  EXPECT_EQ(client.send("GET", "").status, 200);
  EXPECT_EQ(client.send("GET", "/_search").body.at("a"), 1);
  EXPECT_EQ(requests, 5);
}

TEST(OpenSearchClientTest, StopEndsTheWaitButNotALastRequest) {
  std::atomic<int> requests{0};
  const HttpServer server([&](const ServerRequest&) {
    return ServerReply{.status = ++requests == 1 ? 503 : 200, .body = "{}"};
  });
  StopSource source;
  net::HttpOptions patient = quick();
  patient.first_delay = 1h;
  patient.on_retry = [&](const LocalizedText&) { source.request_stop(); };
  OpenSearchClient client(address_of({server.url()}), patient, source.get_token());
  try {
    client.send("GET", "");
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed);
  }
  EXPECT_EQ(client.send("GET", "").status, 200);
}

TEST(OpenSearchClientTest, NextHostIsAskedAtOnce) {
  std::string closed;
  {
    const HttpServer gone([](const ServerRequest&) { return ServerReply{}; });
    closed = gone.url();
  }
  const HttpServer server([](const ServerRequest&) { return ServerReply{.body = "{}"}; });
  net::HttpOptions patient = quick();
  patient.first_delay = 1h;
  OpenSearchClient client(address_of({closed, server.url()}), patient);
  EXPECT_EQ(client.send("GET", "/_search").status, 200);
  EXPECT_EQ(client.send("GET", "/_search").status, 200);
}

TEST(OpenSearchClientTest, OnlyRefusedItemsAreSentAgain) {
  const HttpServer server([](const ServerRequest& request) {
    const bool is_first = request.body.find("one") != std::string::npos;
    return ServerReply{.body = is_first ? R"({"errors":true,"items":[{"index":{"status":201}},
                              {"index":{"status":429,"error":{"type":"rejected"}}},
                              {"delete":{"status":404,"result":"not_found"}}]})"
                                        : R"({"errors":false,"items":[{"index":{"status":201}}]})"};
  });
  OpenSearchClient client(address_of({server.url()}), quick());
  client.bulk({"one\n", "two\n", "three\n"});
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].path, "/library/_bulk");
  EXPECT_EQ(requests[0].body, "one\ntwo\nthree\n");
  EXPECT_EQ(requests[1].body, "two\n");
}

TEST(OpenSearchClientTest, ItemThatIsRefusedIsAnError) {
  const HttpServer server([](const ServerRequest&) {
    return ServerReply{.body = R"({"errors":true,"items":[{"index":{"status":400,
        "error":{"type":"mapper_parsing_exception","reason":"bad vector"}}}]})"};
  });
  OpenSearchClient client(address_of({server.url()}), quick());
  try {
    client.bulk({"one\n"});
    ADD_FAILURE() << "took it";
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().contains("bad vector")) << error.message();
  }
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(OpenSearchClientTest, RefreshIsRepeatedUntilAllShardsHaveIt) {
  std::atomic<int> requests{0};
  const HttpServer server([&](const ServerRequest&) {
    return ServerReply{.body = ++requests == 1 ? R"({"_shards":{"successful":1,"failed":1}})"
                                               : R"({"_shards":{"successful":2,"failed":0}})"};
  });
  OpenSearchClient(address_of({server.url()}), quick()).refresh();
  EXPECT_EQ(requests, 2);
}

TEST(OpenSearchClientTest, UserOfTheIndexAloneNeedsNoRightsToTheCluster) {
  const HttpServer server([&](const ServerRequest&) { return refusal(403, "security_exception"); });
  EXPECT_EQ(OpenSearchClient(address_of({server.url()}), quick()).data_nodes(), 1);
}

TEST(OpenSearchClientTest, ErrorsSayWhatIsWrong) {
  const Error missing = error_of(refusal(404, "index_not_found_exception"));
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_TRUE(error_of({.status = 401, .body = "Unauthorized"}).message().contains("password"));
  EXPECT_TRUE(error_of({.status = 403, .body = "{}"}).message().contains("may not"));
  EXPECT_TRUE(error_of(refusal(403, "security_exception")).message().contains("some reason"));
  for (const int status : {403, 429}) {
    EXPECT_TRUE(
        error_of(refusal(status, "cluster_block_exception")).message().contains("nearly full"));
  }
  EXPECT_TRUE(error_of({.body = "<html>"}).message().contains("not OpenSearch"));
  EXPECT_TRUE(error_of(refusal(400, "x")).message().contains("some reason"));
  EXPECT_TRUE(error_of({.status = 503, .body = "{}"}).message().contains("503"));
  std::string closed;
  {
    const HttpServer gone([](const ServerRequest&) { return ServerReply{}; });
    closed = gone.url();
  }
  OpenSearchAddress address = address_of({closed, closed});
  address.user = "me";
  address.password = "secret";
  OpenSearchClient client(address, quick());
  try {
    client.send("GET", "");
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().contains("no connection")) << error.message();
    EXPECT_TRUE(error.hint().contains("none of the 2 hosts")) << error.hint();
    EXPECT_FALSE(error.message().contains("secret"));
  }
}

/// Another program that speaks JSON, and an OpenSearch that answers otherwise than expected.
TEST(OpenSearchStoreTest, AnswersOfAnotherShapeAreErrors) {
  const std::string index =
      R"({"library":{"mappings":{"_meta":{"oko":{"format":1,"dimensions":2}}}}})";
  const std::string record = R"({"_source":{"committed":5,"clean":true}})";
  const auto message = [](const std::string& of_index, const std::string& of_record,
                          const std::string& of_search) {
    const HttpServer server([&](const ServerRequest& request) {
      const bool is_record = request.path.ends_with("/_doc/library");
      const bool is_search = request.path.find("_search") != std::string::npos;
      return ServerReply{.body = is_record ? of_record : is_search ? of_search : of_index};
    });
    try {
      const auto store = OpenSearchStore::open(address_of({server.url()}));
      store->find_dense(std::vector<float>{1, 0}, 5, {});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFailed);
      EXPECT_TRUE(error.hint().contains("2.19")) << error.hint();
      return error.message().contains("not OpenSearch") ? "not OpenSearch" : "another error";
    }
    return "no error";
  };
  EXPECT_STREQ(message(index, record, R"({"hits":{"hits":[]}})"), "no error");
  EXPECT_STREQ(message(R"({"status":"ok"})", record, "{}"), "not OpenSearch");
  EXPECT_STREQ(message(index, "{}", "{}"), "not OpenSearch");
  EXPECT_STREQ(message(index, R"({"_source":{"committed":"x"}})", "{}"), "not OpenSearch");
  EXPECT_STREQ(message(index, record, R"({"hits":{"hits":[{"sort":["a","b"]}]}})"),
               "not OpenSearch");
}

TEST(OpenSearchStateTest, VersionsAreSeenUpToTheCommitButForGapsAndTheDead) {
  LibraryState state;
  state.committed = 20;
  state.gaps = {{5, 7}};
  state.dead = {12};
  for (const std::int64_t version : {1, 4, 8, 11, 13, 20}) EXPECT_TRUE(state.sees(version));
  for (const std::int64_t version : {5, 6, 7, 12, 21}) EXPECT_FALSE(state.sees(version));
}

/// A record that was written although the answer to it was lost.
TEST(OpenSearchStateTest, LostAnswerIsNoLostCommit) {
  const auto write = [](const std::string& record) {
    const HttpServer server([&](const ServerRequest& request) {
      if (request.method == "PUT") return refusal(409, "version_conflict_engine_exception");
      return ServerReply{.body = R"({"found":true,"_seq_no":8,"_primary_term":1,"_source":)" +
                                 record + "}"};
    });
    OpenSearchClient client(address_of({server.url()}), quick());
    LibraryState state;
    state.session = 3;
    state.writer = "me";
    state.committed = 33;
    state.is_clean = false;
    state.seq_no = 7;
    state.primary_term = 1;
    state.write(client);
    return state.seq_no;
  };
  EXPECT_EQ(write(R"({"writer":"me","session":3,"committed":33,"clean":false})"), 8);
  EXPECT_THROW(write(R"({"writer":"you","session":3,"committed":33,"clean":false})"), Error);
  EXPECT_THROW(write(R"({"writer":"me","session":3,"committed":30,"clean":false})"), Error);
}

TEST(OpenSearchMappingTest, PathsComeBack) {
  for (const std::string path :
       {"/a/б.txt", "/\xff\xfe", "/\xd0", "/\xef\x9e\x80", "/\xef\x9f\xbf\xef\xa0\x80", ""}) {
    EXPECT_EQ(path_bytes(path_text(path)), path);
    EXPECT_NO_THROW(json(path_text(path)).dump());
  }
}

TEST(OpenSearchMappingTest, PlacesThatAreNoBase64AreLeftOut) {
  json item{{"chunk", 1}, {"text", "a"}, {"lines", std::string(22, 'A')}};
  EXPECT_EQ(chunk_of(item).chunk.lines.size(), 1u);
  item["lines"] = std::string(22, 'A') + "*";
  EXPECT_EQ(chunk_of(item).chunk.lines.size(), 0u);
}

TEST(OpenSearchMappingTest, WordsOfAChunkEndWithItsCodesAndItsHeading) {
  EncodedChunk encoded;
  encoded.chunk.text = "Счета ИНВ-00417/А от марта";
  Document document;
  document.path = "/чеки.pdf";
  json item = chunk_item(7, encoded);
  set_document(item, 3, 5, document, true);
  EXPECT_EQ(item.at("words"), json({"счет инв 00417 а от март ", "инв-00417/а ", "чек ", ""}));
  EXPECT_EQ(item.at("heading_words"), "чек ");
  EXPECT_EQ(item.at("forms"), json({"00417", "инв", "инв-00417/а", "марта", "счета", "чеки"}));
  set_document(item, 3, 6, document, false);
  EXPECT_EQ(item.at("words").size(), 2u);
  EXPECT_EQ(item.at("version"), 6);
}

}  // namespace
}  // namespace oko::index

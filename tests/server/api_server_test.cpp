#include "server/api_server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "engine/embedder.h"
#include "engine/model_host.h"
#include "tests/server/api_client.h"
#include "tests/server/raw_client.h"
#include "tests/server/test_server.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko::server {
namespace {

using nlohmann::json;

/// A server of the small model that describes shapes and of random BGE-M3 weights, for all tests.
class ApiServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    embedder_folder_ = RandomModels::get("bge-m3-small-8bit", 21);
    server_ = make_test_server({kDemo / "models/tiny-vl", embedder_folder_});
  }
  static void TearDownTestSuite() { server_.reset(); }

  static ApiAnswer ask(const std::string& method, const std::string& path,
                       const std::string& body = "", const std::string& headers = "") {
    return oko::ask(server_->port(), method, path, body, headers);
  }
  static ApiAnswer post(const std::string& path, const json& body,
                        const std::string& headers = "") {
    return ask("POST", path, body.dump(), headers);
  }

  static std::string picture() { return bytes_of(kDemo / "images/hearts.jpg"); }
  static json question() {
    const std::string uri = "data:image/jpeg;base64," + base64_of(picture());
    return {{"model", "tiny-vl"},
            {"messages",
             {{{"role", "user"},
               {"content",
                {{{"type", "image_url"}, {"image_url", {{"url", uri}}}},
                 {{"type", "text"}, {"text", "Describe this image."}}}}}}}};
  }
  static std::string embedder_name() { return embedder_folder_.filename(); }
  static std::vector<float> vector_of(const std::string& text) {
    engine::Embedder embedder({.model = embedder_folder_, .threads = 1});
    return embedder.embed({.texts = {text}}).texts.front().encoding.dense;
  }

  static inline std::filesystem::path embedder_folder_;
  static inline std::unique_ptr<ApiServer> server_;
};

/// The data of all events of a stream.
std::vector<std::string> events_of(const std::string& chunked) {
  std::vector<std::string> events;
  for (std::size_t at = chunked.find("data: "); at != std::string::npos;
       at = chunked.find("data: ", at + 1)) {
    events.push_back(chunked.substr(at + 6, chunked.find("\n\n", at) - at - 6));
  }
  return events;
}

using ModelNamesTest = ScratchFolderTest;

TEST_F(ModelNamesTest, AFolderThatTwoPathsNameIsOneModelWithBothNames) {
  const std::filesystem::path link = folder_ / "mine";
  std::filesystem::create_directory_symlink(kDemo / "models/tiny-vl", link);
  const auto server =
      make_test_server({kDemo / "models/tiny-vl", link, link, kDemo / "models/../models/tiny-vl"});
  const json models = oko::ask(server->port(), "GET", "/v1/models").parsed().at("data");
  ASSERT_EQ(models.size(), 1u) << models;
  EXPECT_EQ(models[0].at("id"), "tiny-vl");
  EXPECT_EQ(oko::ask(server->port(), "GET", "/api/tags").parsed().at("models").size(), 1u);
  for (const char* name : {"tiny-vl", "mine", "mine:latest"}) {
    const json body{{"model", name}, {"prompt", "?"}, {"max_tokens", 1}};
    const ApiAnswer answer = oko::ask(server->port(), "POST", "/v1/completions", body.dump());
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.parsed().at("model"), "tiny-vl");
  }
  EXPECT_EQ(oko::ask(server->port(), "GET", "/api/ps").parsed().at("models").size(), 1u);
}

TEST_F(ModelNamesTest, AFolderThatIsGoneLeavesTheOtherModels) {
  const std::filesystem::path gone = folder_ / "gone";
  std::filesystem::copy(kDemo / "models/tiny-vl", gone);
  const auto server = make_test_server({gone, kDemo / "models/tiny-vl"});
  const auto models = [&] {
    return oko::ask(server->port(), "GET", "/v1/models").parsed().value("data", json::array());
  };
  EXPECT_EQ(models().size(), 2u);
  std::filesystem::remove_all(gone);
  ASSERT_EQ(models().size(), 1u);
  EXPECT_EQ(models()[0].at("id"), "tiny-vl");
}

TEST_F(ApiServerTest, ListsModelsWithWhatTheyDo) {
  const json models = ask("GET", "/v1/models").parsed();
  EXPECT_EQ(models.at("object"), "list");
  std::map<std::string, json> by_name;
  for (const json& model : models.at("data")) by_name[model.at("id")] = model;
  EXPECT_EQ(by_name.at("tiny-vl").at("capabilities"), json({"completion", "vision"}));
  EXPECT_EQ(by_name.at(embedder_name()).at("capabilities"), json({"embedding"}));
  EXPECT_EQ(ask("GET", "/v1/models/tiny-vl").parsed(), by_name.at("tiny-vl"));
  EXPECT_EQ(ask("GET", "/v1/models/none").status, 404);
}

TEST_F(ApiServerTest, DescribesAPictureAsOpenAiDoes) {
  const ApiAnswer answer = post("/v1/chat/completions", question());
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json object = answer.parsed();
  EXPECT_EQ(object.at("object"), "chat.completion");
  const json& choice = object.at("choices").at(0);
  EXPECT_EQ(choice.at("message").at("content"), "Four red hearts.");
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  const json& usage = object.at("usage");
  EXPECT_EQ(usage.at("total_tokens").get<int>(),
            usage.at("prompt_tokens").get<int>() + usage.at("completion_tokens").get<int>());
}

TEST_F(ApiServerTest, StreamsTheSameTextAndItsUsage) {
  json body = question();
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const ApiAnswer answer = post("/v1/chat/completions", body);
  EXPECT_NE(answer.header.find("Content-Type: text/event-stream"), std::string::npos);
  std::vector<std::string> events = events_of(answer.body);
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.back(), "[DONE]");
  events.pop_back();
  const json usage = json::parse(events.back());
  EXPECT_TRUE(usage.at("choices").empty());
  EXPECT_GT(usage.at("usage").at("completion_tokens"), 0);
  events.pop_back();
  std::string text;
  for (const std::string& event : events) {
    const json choice = json::parse(event).at("choices").at(0);
    text += choice.at("delta").value("content", "");
    EXPECT_EQ(choice.at("finish_reason").is_null(), &event != &events.back());
  }
  EXPECT_EQ(text, "Four red hearts.");
}

TEST_F(ApiServerTest, EndsAtAStopAndAtTheLimit) {
  json body = question();
  body["stop"] = " red";
  EXPECT_EQ(post("/v1/chat/completions", body).parsed()["choices"][0]["message"]["content"],
            "Four");
  body.erase("stop");
  body["max_tokens"] = 5;
  const json choice = post("/v1/chat/completions", body).parsed()["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "length");
}

TEST_F(ApiServerTest, AnswersOllamasClients) {
  const json message = {
      {"role", "user"}, {"content", "Describe this image."}, {"images", {base64_of(picture())}}};
  json body = {{"model", "tiny-vl:latest"}, {"messages", {message}}, {"stream", false}};
  const json whole = post("/api/chat", body).parsed();
  EXPECT_EQ(whole.at("message").at("content"), "Four red hearts.");
  EXPECT_EQ(whole.at("done"), true);
  EXPECT_GT(whole.at("eval_count"), 0);

  body.erase("stream");
  std::string text;
  const std::string lines = post("/api/chat", body).body;
  for (std::size_t at = lines.find('{'); at != std::string::npos; at = lines.find("\n{", at)) {
    at += lines[at] == '\n';
    const json piece = json::parse(lines.substr(at, lines.find('\n', at) - at));
    text += piece.at("message").at("content").get<std::string>();
    ++at;
  }
  EXPECT_EQ(text, "Four red hearts.");

  const json generate = {{"model", "tiny-vl"},
                         {"prompt", "Describe this image."},
                         {"images", {base64_of(picture())}},
                         {"stream", false}};
  EXPECT_EQ(post("/api/generate", generate).parsed().at("response"), "Four red hearts.");
  EXPECT_EQ(post("/api/show", {{"model", "tiny-vl"}}).parsed().at("capabilities"),
            json({"completion", "vision", "tools"}));
  EXPECT_EQ(ask("GET", "/").body, "Ollama is running");
  const json info = post("/api/show", {{"model", "tiny-vl"}}).parsed().at("model_info");
  EXPECT_EQ(info.at("qwen3vl.context_length"), 4096);
  const json of_vectors = post("/api/show", {{"model", embedder_name()}}).parsed();
  EXPECT_EQ(of_vectors.at("model_info").at("bert.context_length"), 512);
  EXPECT_EQ(of_vectors.at("capabilities"), json({"embedding"}));
  std::set<std::string> digests;
  const json tags = ask("GET", "/api/tags").parsed().at("models");
  for (const json& tag : tags) digests.insert(tag.at("digest"));
  EXPECT_EQ(digests.size(), tags.size());
  for (const std::string& digest : digests) EXPECT_EQ(digest.size(), 64u) << digest;
}

TEST_F(ApiServerTest, RefusesBodiesThatAreCompressed) {
  const std::string body = R"({"input":"a"})";
  for (const auto& [coding, status] :
       {std::pair("gzip", 415), std::pair("zstd, identity", 415), std::pair("Identity", 200)}) {
    const ApiAnswer answer =
        ask("POST", "/v1/embeddings", body, fmt::format("Content-Encoding: {}\r\n", coding));
    EXPECT_EQ(answer.status, status) << coding << answer.body;
    EXPECT_EQ(answer.body.find("Content-Encoding") != std::string::npos, status == 415);
  }
}

TEST_F(ApiServerTest, OllamasSystemMessagesCountWhereverTheyStand) {
  const auto tokens = [](const std::vector<const char*>& roles) {
    json body{{"model", "tiny-vl"}, {"stream", false}, {"options", {{"num_predict", 1}}}};
    for (const char* role : roles) body["messages"].push_back({{"role", role}, {"content", "?"}});
    const ApiAnswer answer = post("/api/chat", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.parsed().value("prompt_eval_count", 0);
  };
  const int one = tokens({"system", "user"});
  EXPECT_EQ(tokens({"user", "system"}), one);
  EXPECT_GT(tokens({"system", "user", "system"}), one);
}

TEST_F(ApiServerTest, EmbedsAsTheEmbedderDoes) {
  const std::vector<float> expected = vector_of("привет");
  const json body = {{"model", embedder_name()}, {"input", {"hello", "привет"}}};
  const json object = post("/v1/embeddings", body).parsed();
  ASSERT_EQ(object.at("data").size(), 2u);
  EXPECT_EQ(object.at("data")[1].at("embedding").get<std::vector<float>>(), expected);
  EXPECT_EQ(object.at("data")[1].at("index"), 1);

  json compact = body;
  compact["encoding_format"] = "base64";
  const json texts = post("/v1/embeddings", compact).parsed();
  const auto bytes = bytes_of_base64(texts.at("data")[1].at("embedding").get<std::string>());
  ASSERT_TRUE(bytes);
  std::vector<float> vector(bytes->size() / 4);
  std::memcpy(vector.data(), bytes->data(), bytes->size());
  EXPECT_EQ(vector, expected);

  const json ollama = {{"model", embedder_name()}, {"input", {"привет"}}};
  EXPECT_EQ(post("/api/embed", ollama).parsed().at("embeddings")[0].get<std::vector<float>>(),
            expected);
}

TEST_F(ApiServerTest, GivesAllThreeOutputsOfBgeM3) {
  const json body = {
      {"model", embedder_name()}, {"input", "привет"}, {"outputs", {"sparse", "colbert"}}};
  const json data = post("/v1/embeddings", body).parsed().at("data")[0];
  EXPECT_FALSE(data.contains("embedding"));
  EXPECT_EQ(data.at("sparse").at("indices").size(), data.at("sparse").at("values").size());
  EXPECT_FALSE(data.at("colbert").empty());
}

TEST_F(ApiServerTest, SendsVectorsOfManyTokensInPieces) {
  constexpr std::size_t kTexts = 60;
  json body = {{"model", embedder_name()},
               {"input", std::vector<std::string>(kTexts, "one two three four five")},
               {"outputs", {"colbert"}}};
  body["input"].back() = "привет";
  const ApiAnswer answer = post("/v1/embeddings", body);
  ASSERT_NE(answer.header.find("chunked"), std::string::npos) << answer.header << answer.body;
  std::string joined;
  std::size_t at = 0;
  while (const std::size_t size = std::stoul(answer.body.substr(at), nullptr, 16)) {
    at = answer.body.find("\r\n", at) + 2;
    joined += answer.body.substr(at, size);
    at += size + 2;
  }
  const json data = json::parse(joined).at("data");
  ASSERT_EQ(data.size(), kTexts);
  body["input"] = "привет";
  EXPECT_EQ(data.back().at("colbert"),
            post("/v1/embeddings", body).parsed().at("data").at(0).at("colbert"));
}

TEST_F(ApiServerTest, SaysWhatIsWrongInTheShapeOfEachApi) {
  const json chat = {{"model", "tiny-vl"}, {"messages", {{{"role", "user"}, {"content", "a"}}}}};
  const auto with = [](json object, const char* name, const json& value) {
    object[name] = value;
    return object;
  };
  const json part = {{"type", "image_url"}, {"image_url", {{"url", "http://x.example/a.png"}}}};
  const json by_address = {{"messages", {{{"role", "user"}, {"content", json::array({part})}}}}};
  const struct {
    json body;
    int status;
    const char* names;
  } kCases[] = {
      {{{"messages", json::array()}}, 400, "messages"},
      {{{"model", "tiny-vl"}}, 400, "messages"},
      {with(chat, "model", "none"), 404, "oko pull qwen3-vl-4b"},
      {with(chat, "model", "../../etc"), 404, "../../etc"},
      {with(chat, "model", embedder_name()), 400, "vectors"},
      {with(chat, "temperature", "hot"), 400, "temperature"},
      {with(chat, "temperature", -1), 400, "temperature"},
      {with(chat, "max_tokens", 0), 400, "max_tokens"},
      {with(chat, "max_tokens", 1.5), 400, "max_tokens"},
      {with(chat, "n", 9), 400, "n must be"},
      {with(chat, "tools", json::array({json::object({{"type", "function"}})})), 400,
       "tools[0].function"},
      {with(chat, "response_format", {{"type", "grammar"}}), 400, "response_format"},
      {with(chat, "top_logprobs", 2), 400, "logprobs"},
      {by_address, 400, "messages[0].content[0].image_url"},
  };
  for (const auto& [body, status, names] : kCases) {
    const ApiAnswer answer = post("/v1/chat/completions", body);
    EXPECT_EQ(answer.status, status) << body;
    const std::string message = answer.parsed().at("error").at("message");
    EXPECT_NE(message.find(names), std::string::npos) << message;
  }
  EXPECT_TRUE(post("/api/chat", with(chat, "model", "none")).parsed().at("error").is_string());
  EXPECT_EQ(ask("POST", "/v1/chat/completions", "{").status, 400);
  EXPECT_EQ(ask("POST", "/v1/chat/completions", std::string(100, '[')).status, 400);
  const ApiAnswer not_posted = ask("GET", "/v1/chat/completions");
  EXPECT_EQ(not_posted.status, 405);
  EXPECT_NE(not_posted.header.find("\nAllow: POST\r"), std::string::npos) << not_posted.header;
  const ApiAnswer posted = ask("POST", "/v1/models", "{}");
  EXPECT_NE(posted.header.find("\nAllow: GET, HEAD\r"), std::string::npos) << posted.header;
  EXPECT_EQ(ask("GET", "/nothing").status, 404);
  EXPECT_EQ(ask("GET", "/nothing").parsed().at("error").at("code"), "not_found");
  const json unknown = {{"model", "none"}, {"messages", {{{"role", "user"}, {"content", "a"}}}}};
  EXPECT_EQ(post("/v1/chat/completions", unknown).parsed().at("error").at("code"),
            "model_not_found");
  const ApiAnswer russian =
      post("/v1/chat/completions", {{"messages", 1}}, "Accept-Language: ru\r\n");
  EXPECT_NE(russian.body.find("нужно"), std::string::npos) << russian.body;
}

TEST_F(ApiServerTest, RefusesPicturesThatAreNone) {
  const auto status_of = [](const std::string& bytes) {
    json body = question();
    body["messages"][0]["content"][0]["image_url"]["url"] =
        "data:image/png;base64," + base64_of(bytes);
    const ApiAnswer answer = post("/v1/chat/completions", body);
    EXPECT_EQ(answer.body.find("/tmp"), std::string::npos) << "no paths: " << answer.body;
    EXPECT_NE(answer.body.find("messages[0].content[0]"), std::string::npos) << answer.body;
    return answer.status;
  };
  EXPECT_EQ(status_of("not a picture"), 415);
  EXPECT_EQ(status_of(picture().substr(0, 200)), 400);
  EXPECT_EQ(status_of("%PDF-1.7 nothing"), 400);
}

TEST_F(ApiServerTest, RefusesJsonThatWouldTakeTooMuch) {
  std::string objects = "[{}";
  for (int i = 0; i < 90'000; ++i) objects += ",{}";
  const auto body = [](const std::string& extra) { return "{\"a\":" + extra + "]}"; };
  const ApiAnswer large =
      ask("POST", "/v1/embeddings", body(objects));  // in a moment, not in hours
  EXPECT_NE(large.body.find("input is missing"), std::string::npos) << large.body;
  for (int i = 0; i < 20'000; ++i) objects += ",{}";
  EXPECT_NE(ask("POST", "/v1/embeddings", body(objects)).body.find("100000 values"),
            std::string::npos);
}

TEST_F(ApiServerTest, RefusesTextsThatAreTooLongAndOutputsThatAreNotThere) {
  std::string text;
  for (int i = 0; i < 9000; ++i) text += "слово ";
  const json body = {{"model", embedder_name()}, {"input", {"a", text}}};
  const ApiAnswer cut = post("/v1/embeddings", body);
  EXPECT_EQ(cut.status, 400);
  EXPECT_EQ(cut.parsed().at("error").at("param"), "input[1]") << cut.body;
  const json narrow = {{"model", embedder_name()}, {"input", "a"}, {"dimensions", 7}};
  EXPECT_EQ(post("/v1/embeddings", narrow).parsed().at("error").at("param"), "dimensions");
  json ollama = body;
  EXPECT_EQ(post("/api/embed", ollama).status, 200) << "Ollama cuts unless it is told not to";
  ollama["truncate"] = false;
  EXPECT_EQ(post("/api/embed", ollama).status, 400);
}

TEST_F(ApiServerTest, LetsPagesAskThatAreAllowed) {
  const std::string origin = "Origin: http://localhost\r\n";  // its own page
  const ApiAnswer answer = ask("GET", "/v1/models", "", origin);
  EXPECT_NE(answer.header.find("Access-Control-Allow-Origin: http://localhost"), std::string::npos);
  const ApiAnswer first = ask("OPTIONS", "/v1/embeddings", "", origin);
  EXPECT_EQ(first.status, 204);
  EXPECT_NE(first.header.find("Access-Control-Allow-Headers"), std::string::npos);
  const ApiAnswer other = ask("GET", "/v1/models", "", "Origin: http://evil.example\r\n");
  EXPECT_EQ(other.status, 403);
  EXPECT_EQ(other.header.find("Access-Control"), std::string::npos);
}

TEST_F(ApiServerTest, AsksForAKeyWhereOtherMachinesReachIt) {
  const auto host = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
  ApiServerOptions options{.http = {.address = "0.0.0.0"},
                           .access = {},
                           .models = {.host = host, .models = {}, .align = [](const auto&) {}},
                           .version = "test",
                           .log = {}};
  EXPECT_THROW(ApiServer{options}, Error);
  options.access.api_key = "secret";
  const ApiServer server(options);
  RawClient client(server.port());
  client.send("GET /v1/models HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(client.read_answer().substr(0, 12), "HTTP/1.1 401");
}

}  // namespace
}  // namespace oko::server

// The hub's lists of files, right and wrong ones.
#include "hub/repository.h"

#include "base/file.h"
#include "hub/hub_access.h"
#include "tests/support/environment.h"
#include "tests/support/fake_hub.h"
#include "tests/support/scratch_folder.h"

namespace oko::hub {
namespace {

const std::string kWeights(2000, 'w');

net::HttpOptions quick() {
  net::HttpOptions options;
  options.first_delay = std::chrono::milliseconds(5);
  options.tries = 3;
  return options;
}

class RepositoryTest : public ScratchFolderTest {
 protected:
  static Repository list(const FakeHub& hub, const std::string& token = "",
                         const std::string& name = "org/model",
                         const std::string& revision = "main") {
    net::HttpClient client(quick());
    return list_repository(client, {.endpoint = hub.url(), .token = token}, name, revision, {});
  }
  static std::vector<std::string> chosen(const std::vector<std::string>& paths) {
    Repository repository{"org/model", FakeHub::commit(), {}};
    for (const std::string& path : paths) repository.files.push_back({path, 1, "", "h"});
    std::vector<std::string> names;
    for (const RepositoryFile& file : files_of_model(repository)) names.push_back(file.path);
    std::sort(names.begin(), names.end());
    return names;
  }
};

TEST_F(RepositoryTest, ListsAllPages) {
  FakeHub hub("org/model", {{"a.json", "{}"}, {"b.txt", "text"}, {"2_Dense/d.bin", kWeights}});
  for (const std::size_t on_page : {1, 2, 1000}) {
    hub.files_on_page = on_page;
    const Repository repository = list(hub);
    EXPECT_EQ(repository.commit, FakeHub::commit());
    ASSERT_EQ(repository.files.size(), 3u);
    EXPECT_EQ(repository.files[1], hub.listed("a.json"));
    EXPECT_EQ(repository.files[0], hub.listed("2_Dense/d.bin"));
    EXPECT_EQ(repository.files[0].sha256.size(), 64u);
    EXPECT_EQ(repository.files[1].git_sha1.size(), 40u);
  }
}

TEST_F(RepositoryTest, PagesOfAMirrorThatNamesTheHubAreTheMirrors) {
  FakeHub hub("org/model", {{"a.json", "{}"}, {"b.txt", "text"}});
  hub.files_on_page = 1;
  hub.api_fault = [&](ServerReply& reply, const ServerRequest&, int) {
    std::string& link = reply.fields["Link"];
    if (const std::size_t at = link.find(hub.url()); at != link.npos) {
      link.replace(at, hub.url().size(), "https://huggingface.co");
    }
  };
  EXPECT_EQ(list(hub).files.size(), 2u);
}

/// git's own: printf '{}' | git hash-object --stdin
TEST_F(RepositoryTest, SmallFilesHaveTheHashOfGit) {
  const FakeHub hub("org/model", {{"a.json", "{}"}});
  EXPECT_EQ(hub.listed("a.json").git_sha1, "9e26dfeeb6e641a33dae4961196235bdb965b21b");
}

TEST_F(RepositoryTest, TokenIsSentToTheHub) {
  FakeHub hub("org/model", {{"a.json", "{}"}});
  hub.token = "secret";
  EXPECT_EQ(list(hub, "secret").files.size(), 1u);
  EXPECT_NE(message_of([&] { list(hub); }, ErrorCode::kModelNotFound)
                .find("has no such model, or it is private"),
            std::string::npos);
}

TEST_F(RepositoryTest, RefusalsSayWhatToDo) {
  FakeHub hub("org/model", {{"a.json", "{}"}});
  EXPECT_NE(
      message_of([&] { list(hub, "", "org/other"); }, ErrorCode::kModelNotFound, Language::kRussian)
          .find("org/other: на "),
      std::string::npos);
  EXPECT_EQ(message_of([&] { list(hub, "", "org/model", "v/2"); }, ErrorCode::kModelNotFound),
            "org/model: has no revision v/2");
  EXPECT_EQ(hub.server().requests().back().path, "/api/models/org/model/revision/v%2F2");
  const auto answer_with = [&](int status, const char* code) {
    hub.api_fault = [=](ServerReply& reply, const ServerRequest&, int) {
      reply = {.status = status, .fields = {{"X-Error-Code", code}}};
    };
  };
  answer_with(403, "GatedRepo");
  EXPECT_EQ(message_of([&] { list(hub); }, ErrorCode::kModelNotFound),
            "org/model: access to this model must be granted first");
  hub.api_fault = [=](ServerReply& reply, const ServerRequest&, int) {
    reply = {.status = 429, .fields = {{"Retry-After", "300"}}};
  };
  try {
    list(hub);
  } catch (const Error& error) {
    EXPECT_TRUE(error.hint().contains("the hub asks to wait 5 min; a token")) << error.hint();
  }
  answer_with(429, "");
  EXPECT_NE(message_of([&] { list(hub); }, ErrorCode::kFailed).find("too many requests"),
            std::string::npos);
  answer_with(500, "");
  EXPECT_NE(message_of([&] { list(hub); }, ErrorCode::kFailed).find("status 500"),
            std::string::npos);
}

TEST_F(RepositoryTest, StrangeAnswersAreRefused) {
  FakeHub hub("org/model", {{"a.json", "{}"}});
  const std::string sha1(40, 'a');
  const auto entry = [&](const std::string& path, const std::string& rest) {
    return "[{\"type\":\"file\",\"path\":\"" + path + "\"," + rest + "}]";
  };
  const std::string good = "\"size\":1,\"oid\":\"" + sha1 + "\"";
  const auto list_with = [&](const std::string& body) {
    hub.api_fault = [=](ServerReply& reply, const ServerRequest& request, int) {
      if (request.path.find("/tree/") != std::string::npos) reply.body = body;
    };
    return list(hub).files.size();
  };
  EXPECT_EQ(list_with(entry("b.json", good)), 1u);
  // What no model needs is skipped, whatever its entry says.
  for (const char* path : {"../b.json", "/b.json", "a/../../b", "", "a//b", "./b", "a.md"}) {
    EXPECT_EQ(list_with(entry(path, good)), 0u) << path;
    EXPECT_EQ(list_with(entry(path, "\"size\":-1")), 0u) << path;
  }
  for (const std::string& body :
       {std::string("<html>log in</html>"), std::string(), std::string("{}"),
        entry("a\\\\b.json", good), entry("a\\nb.json", good), entry("a\\u001b[31mb.json", good),
        entry("1_a/b\\u0000.json", good), entry("b.json", "\"size\":-1,\"oid\":\"" + sha1 + "\""),
        entry("b.json", "\"oid\":\"" + sha1 + "\""),
        entry("b.json", "\"size\":1e30,\"oid\":\"" + sha1 + "\""), entry("b.json", "\"size\":1"),
        entry("b.json", "\"size\":1,\"oid\":\"XYZ\""),
        entry("b.json", "\"size\":1,\"oid\":\"" + sha1 + "\",\"lfs\":{\"oid\":\"1\",\"size\":1}"),
        "[" + entry("b.json", good).substr(1, entry("b.json", good).size() - 2) + "," +
            entry("b.json", good).substr(1)}) {
    EXPECT_NE(message_of([&] { list_with(body); }, ErrorCode::kFailed).find(hub.url()),
              std::string::npos)
        << body;
  }
  hub.api_fault = [](ServerReply& reply, const ServerRequest&, int) {
    reply.body = "<!DOCTYPE html><title>Sign in</title>";
  };
  EXPECT_NE(message_of([&] { list(hub); }, ErrorCode::kFailed).find("the answer is not JSON"),
            std::string::npos);
}

TEST_F(RepositoryTest, AListWithoutAnEndIsAnError) {
  FakeHub hub("org/model", {{"a.json", "{}"}});
  const std::string next = hub.url() + "/api/models/org/model/tree/" + FakeHub::commit();
  const auto lists = [&] {
    return message_of([&] { list(hub); }, ErrorCode::kFailed).find("the list has no end") !=
           std::string::npos;
  };
  int page = 0;
  for (const bool same : {true, false}) {
    hub.api_fault = [&, same](ServerReply& reply, const ServerRequest& request, int) {
      if (request.path.find("/tree/") == std::string::npos) return;
      reply.body = "[]";
      const std::string cursor = same ? "1" : std::to_string(++page);
      reply.fields["Link"] = "<" + next + "?cursor=" + cursor + ">; rel=\"next\"";
    };
    EXPECT_TRUE(lists()) << same;
  }
  EXPECT_EQ(page, 1000);
}

TEST_F(RepositoryTest, AListThatTakesTooLongIsAnError) {
  FakeHub hub("org/model", {{"a.json", "{}"}, {"b.json", "{}"}});
  hub.files_on_page = 1;
  net::HttpOptions options = quick();
  options.whole_list = std::chrono::seconds(0);
  net::HttpClient client(options);
  EXPECT_NE(
      message_of([&] { list_repository(client, {.endpoint = hub.url()}, "org/model", "main", {}); },
                 ErrorCode::kFailed)
          .find("the list takes longer than 0 s"),
      std::string::npos);
}

TEST_F(RepositoryTest, TokenDoesNotFollowAPageToAnotherHost) {
  const HttpServer other([](const ServerRequest&) { return ServerReply{.body = "[]"}; });
  FakeHub hub("org/model", {{"a.json", "{}"}});
  hub.api_fault = [&](ServerReply& reply, const ServerRequest& request, int) {
    if (request.path.find("/tree/") == std::string::npos) return;
    reply.fields["Link"] = "<" + other.url() + "/x>; rel=\"next\"";
  };
  EXPECT_NE(message_of([&] { list(hub, "secret"); }, ErrorCode::kFailed).find("another address"),
            std::string::npos);
  EXPECT_TRUE(other.requests().empty());
}

TEST_F(RepositoryTest, TakesWhatTheModelNeeds) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(chosen({".gitattributes", "README.md", "config.json", "model.safetensors",
                    "model.safetensors.index.json", "tokenizer.json", "chat_template.jinja",
                    "pytorch_model.bin", "onnx/model.onnx", "original/params.json", "a.gguf"}),
            (Names{"chat_template.jinja", "config.json", "model.safetensors",
                   "model.safetensors.index.json", "tokenizer.json"}));
  EXPECT_EQ(chosen({"1_Pooling/config.json", "2_Dense/pytorch_model.bin", "colbert_linear.pt",
                    "config.json", "imgs/a.jpg", "long.jpg", "modules.json", "onnx/config.json",
                    "pytorch_model.bin", "sentencepiece.bpe.model", "sparse_linear.pt"}),
            (Names{"1_Pooling/config.json", "2_Dense/pytorch_model.bin", "colbert_linear.pt",
                   "config.json", "modules.json", "pytorch_model.bin", "sentencepiece.bpe.model",
                   "sparse_linear.pt"}));
  for (const Names& without : {Names{"config.json", "model.gguf"}, Names{"model.safetensors"}}) {
    EXPECT_NE(message_of([&] { chosen(without); }, ErrorCode::kBadModel).find("org/model: has no"),
              std::string::npos);
  }
}

TEST_F(RepositoryTest, NamesAreThoseOfTheHub) {
  for (const char* name :
       {"org/name", "a/b", "mlx-community/Qwen3-VL-4B-Instruct-4bit", "A_b/c.d"}) {
    EXPECT_TRUE(is_repository_name(name)) << name;
  }
  for (const char* name : {"", "name", "/name", "org/", "a/b/c", "../b", "a/..", "a/.b", ".a/b",
                           "a b/c", "a/b?c", "a/b%2f", "a/b..c"}) {
    EXPECT_FALSE(is_repository_name(name)) << name;
  }
  for (const std::string& name : short_names()) {
    EXPECT_TRUE(is_repository_name(repository_of_short_name(name))) << name;
  }
  EXPECT_EQ(repository_of_short_name("qwen"), "");
}

TEST_F(RepositoryTest, AddressesAreEncoded) {
  const Repository repository{"org/model", "abc", {}};
  EXPECT_EQ(file_url({.endpoint = "https://hub"}, repository, "a b/ф?.json"),
            "https://hub/org/model/resolve/abc/a%20b/%D1%84%3F.json");
}

TEST_F(RepositoryTest, VariablesAreThoseOfHuggingfaceHub) {
  Environment environment;
  for (const char* name :
       {"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN"}) {
    environment.unset(name);
  }
  environment.set("HF_HOME", folder_);
  EXPECT_EQ(hub_access().endpoint, "https://huggingface.co");
  EXPECT_EQ(hub_access().token, "");
  EXPECT_FALSE(hub_access().offline);
  write_file_atomically(folder_ / "token", std::string_view("of_file\n"));
  EXPECT_EQ(hub_access().token, "of_file");
  environment.set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "yes");
  EXPECT_EQ(hub_access().token, "");
  environment.set("HF_TOKEN", " of_variable ");
  EXPECT_EQ(hub_access().token, "of_variable");
  environment.set("HF_TOKEN", "of\r\nX-Other: field");
  EXPECT_EQ(message_of([] { hub_access(); }, ErrorCode::kUsage),
            "the token has characters that no token has");
  environment.set("HF_TOKEN", "of_variable");
  environment.set("HF_ENDPOINT", "http://mirror:8080/sub//");
  EXPECT_EQ(hub_access().endpoint, "http://mirror:8080/sub");
  environment.set("HF_HUB_OFFLINE", "0");
  EXPECT_FALSE(hub_access().offline);
  environment.set("HF_HUB_OFFLINE", "on");
  EXPECT_TRUE(hub_access().offline);
  for (const char* good : {"HTTPS://Mirror", "http://user:word@mirror:1/a", "http://[::1]:8080"}) {
    environment.set("HF_ENDPOINT", good);
    EXPECT_TRUE(hub_access().endpoint.starts_with("http")) << good;
  }
  for (const std::string bad : {"file:///etc", "ftp://mirror", "mirror", "http://", "http:///a",
                                "http://:80", "http://mirror:0", "http://mirror:65536",
                                "http://mirror:80x", "http://mirror:", "http://mir ror"}) {
    environment.set("HF_ENDPOINT", bad);
    EXPECT_EQ(message_of([] { hub_access(); }, ErrorCode::kUsage),
              "HF_ENDPOINT is \"" + bad + "\", which is not an address of a server");
  }
}

}  // namespace
}  // namespace oko::hub

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/mutex.h"
#include "decoding/helper.h"
#include "engine/model_host.h"
#include "index/sqlite_store.h"
#include "server/api_server.h"
#include "tests/server/api_client.h"
#include "tests/server/library_files.h"
#include "tests/server/test_helpers.h"
#include "tests/support/docx_file.h"
#include "tests/support/random_models.h"

namespace oko::server {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kIndex = "/v1/library/index";

/// A server without a library yet, and two folders that it may index.
class LibraryIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::canonical(fs::temp_directory_path()) /
            ("oko_library_index_" + std::to_string(::getpid()));
    for (const char* name : {"notes", "more"}) fs::create_directories(root_ / name);
    write_file_atomically(root_ / "notes/tea.txt", "Zavarka: black tea from the Caucasus.");
    write_file_atomically(root_ / "notes/broken.png", "\x89PNG\r\n\x1a\n");
    write_bill(root_ / "more/bill.pdf");
    write_file_atomically(root_ / "secret.txt", "nobody may read this");
    host_ = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
    start({{1, "notes", root_ / "notes"}, {7, "more", root_ / "more"}});
  }
  void TearDown() override {
    server_.reset();
    host_.reset();
    fs::remove_all(root_);
  }

  /// `helper`: arguments of the program for tests that decodes; empty: the server decodes itself.
  void start(std::vector<LibraryRoot> roots, const std::vector<std::string>& helper = {}) {
    const fs::path library = root_ / "library.db";
    server_.reset();
    server_ = std::make_unique<ApiServer>(ApiServerOptions{
        .http = {},
        .access = {},
        .models = {.host = host_,
                   .models = {RandomModels::get("bge-m3-small-8bit", 21).string()},
                   .align = [](const auto&) {},
                   .helpers = helper.empty() ? nullptr : test_helpers(helper)},
        .library = {.name = library.string(),
                    .file = library,
                    .open = [library] { return index::SqliteStore::open(library); },
                    .roots = std::move(roots),
                    .lock = [this] { return lock(); },
                    .open_to_write =
                        [this, library](const auto& model, const auto& learn, const auto& stop) {
                          wait_at_the_door(stop);
                          return index::SqliteStore::open_or_create(library, model, learn);
                        }},
        .version = "test",
        .log = {}});
  }

  std::shared_ptr<void> lock() const {
    if (!is_locked_) return nullptr;
    throw Error(ErrorCode::kBusy, tr("another one writes", "пишет кто-то другой"));
  }

  /// Lets a run wait before its work, until it is stopped.
  void wait_at_the_door(const StopToken& stop) {
    const MutexLock lock(mutex_);
    if (!is_closed_) return;
    never_.wait(mutex_, stop, [] { return false; });
    throw_if_stopped(stop);
  }
  void close_door() {
    const MutexLock lock(mutex_);
    is_closed_ = true;
  }

  ApiAnswer post(const json& body) { return ask(server_->port(), "POST", kIndex, body.dump()); }
  json get(const std::string& path) { return ask(server_->port(), "GET", path).parsed(); }

  /// The status of the run, once it has ended.
  json ended() {
    for (;;) {
      json status = get(kIndex);
      const std::string state = status.at("state");
      if (state != "running" && state != "stopping") return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  std::size_t found(const std::string& query) {
    const json body{{"query", query}, {"mode", "text"}};
    return ask(server_->port(), "POST", "/v1/search", body.dump())
        .parsed()
        .value("results", json::array())
        .size();
  }

  fs::path root_;
  std::shared_ptr<engine::ModelHost> host_;
  std::unique_ptr<ApiServer> server_;
  bool is_locked_ = false;
  Mutex mutex_;
  ConditionVariable never_;
  bool is_closed_ OKO_GUARDED_BY(mutex_) = false;
};

TEST_F(LibraryIndexTest, IndexesAFolderOfTheRoots) {
  EXPECT_EQ(get(kIndex).at("state"), "idle");
  const json library = get("/v1/library");
  EXPECT_EQ(library.at("exists"), false);
  const json notes{{"id", 1}, {"name", "notes"}, {"folder", (root_ / "notes").string()}};
  ASSERT_EQ(library.at("roots").size(), 2u);
  EXPECT_EQ(library.at("roots")[0], notes);

  const ApiAnswer started = post({{"root", 1}});
  ASSERT_EQ(started.status, 202) << started.body;
  EXPECT_EQ(started.parsed().at("root"), 1);
  const json status = ended();
  EXPECT_EQ(status.at("state"), "done") << status;
  EXPECT_EQ(status.at("files_done"), 2);
  EXPECT_EQ(status.at("files"), 2);
  EXPECT_EQ(status.at("added"), 1);
  EXPECT_EQ(status.at("failed"), 1);
  ASSERT_EQ(status.at("failures").size(), 1u) << status;
  EXPECT_EQ(status.at("failures")[0].at("file"), (root_ / "notes/broken.png").string());
  const json error = status.at("failures")[0].at("error");
  EXPECT_EQ(error.at("code"), "bad_input");
  EXPECT_EQ(status.at("phase"), "reading");
  const json russian = ask(server_->port(), "GET", kIndex, "", "Accept-Language: ru\r\n").parsed();
  EXPECT_NE(russian.at("failures")[0].at("error").at("message"), error.at("message"));
  EXPECT_EQ(found("tea"), 1u);
  EXPECT_EQ(found("bill"), 0u) << "another folder";

  // The next run is of another folder, with the model that the library has now.
  const std::string model = RandomModels::get("bge-m3-small-8bit", 21);
  EXPECT_EQ(get("/v1/library").at("model").at("name"), model) << "by which oko search finds it";
  ASSERT_EQ(post({{"root", 7}}).status, 202);
  const json second = ended();
  EXPECT_EQ(second.at("added"), 1);
  EXPECT_TRUE(second.at("failures").empty()) << "those of the first run";
  EXPECT_EQ(found("bill"), 2u) << "on two pages";
  EXPECT_EQ(get("/v1/library").at("documents"), 2);
  EXPECT_EQ(host_->memory_budget().transient_bytes(), 0u);
  // A file of the first one has gone; what failed is not read again unless that is asked for.
  fs::remove(root_ / "notes/tea.txt");
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  const json again = ended();
  EXPECT_EQ(again.at("removed"), 1);
  EXPECT_EQ(again.at("failed"), 0);
  EXPECT_EQ(again.at("failed_before"), 1);
  ASSERT_EQ(post({{"root", 1}, {"retry", true}}).status, 202);
  EXPECT_EQ(ended().at("failed"), 1);
}

TEST_F(LibraryIndexTest, CountsWhatHasBecomeOfEachFile) {
  const auto write = [&](const char* name, const std::string& text) {
    write_file_atomically(root_ / "notes" / name, text);
  };
  fs::remove(root_ / "notes/broken.png");
  write("same.txt", "the same");
  write("changed.txt", "one");
  write("moved.txt", "A letter to the landlord.");
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  EXPECT_EQ(ended().at("added"), 4);
  write("changed.txt", "another text");
  fs::rename(root_ / "notes/moved.txt", root_ / "notes/later.txt");
  for (const char* name : {"new 1.txt", "new 2.txt", "new 3.txt"}) write(name, name);
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  const json status = ended();
  EXPECT_EQ(status.at("added"), 3) << status;
  EXPECT_EQ(status.at("updated"), 1);
  EXPECT_EQ(status.at("moved"), 1);
  EXPECT_EQ(status.at("removed"), 0);
  EXPECT_EQ(status.at("unchanged"), 2);
}

TEST_F(LibraryIndexTest, NamesTheFirstFailuresOfMany) {
  for (int i = 0; i < 100; ++i) {
    fs::copy(root_ / "notes/broken.png", root_ / "notes" / (std::to_string(i) + ".png"));
  }
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  const json status = ended();
  EXPECT_EQ(status.at("failed"), 101);
  EXPECT_EQ(status.at("failures").size(), 100u);
}

TEST_F(LibraryIndexTest, FoldersWithOneLastNameAreTwo) {
  for (const char* name : {"a", "b"}) {
    fs::create_directories(root_ / name / "Photos");
    write_file_atomically(root_ / name / "Photos/note.txt", std::string("folder ") + name);
  }
  const auto photos = [&](const char* name) { return (root_ / name / "Photos").string(); };
  start(library_roots({photos("a"), photos("b"), photos("a") + "/"}));
  const json roots = get("/v1/library").at("roots");
  ASSERT_EQ(roots.size(), 2u) << roots;
  EXPECT_EQ(roots[0].at("name"), "a/Photos");
  EXPECT_EQ(roots[1].at("name"), "b/Photos");
  EXPECT_EQ(post(json::object()).status, 400) << "which one?";
  ASSERT_EQ(post({{"root", roots[1].at("id")}}).status, 202);
  EXPECT_EQ(ended().at("root"), roots[1].at("id"));
  start(library_roots({photos("b"), photos("a")}));
  EXPECT_EQ(get("/v1/library").at("roots")[0], roots[1]) << "the same in another order";
  const json documents = get("/v1/library/documents").at("data");
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].at("file"), photos("b") + "/note.txt");
}

TEST_F(LibraryIndexTest, AFileThatCrashesItsDecoderFailsAlone) {
  write_bill(root_ / "more/a.pdf", "Water bill 4712");
  const std::vector<LibraryRoot> roots{{7, "more", root_ / "more"}};
  start(roots, {"once", (root_ / "starts").string(), "crash"});
  ASSERT_EQ(post({{"root", 7}}).status, 202);
  const json status = ended();
  EXPECT_EQ(status.at("state"), "done") << status;
  EXPECT_EQ(status.at("added"), 1);
  ASSERT_EQ(status.at("failures").size(), 1u) << status;
  EXPECT_EQ(status.at("failures")[0].at("file"), (root_ / "more/a.pdf").string());
  EXPECT_NE(status.dump().find("its decoder crashed"), std::string::npos) << status;
  EXPECT_EQ(found("electricity"), 2u);
  ASSERT_EQ(post({{"root", 7}, {"retry", true}}).status, 202);
  EXPECT_EQ(ended().at("failed"), 0);
  EXPECT_EQ(found("water"), 2u);

  const std::string picture = "/v1/library/documents/1/picture?width=100";
  const ApiAnswer drawn = ask(server_->port(), "GET", picture);
  ASSERT_EQ(drawn.status, 200) << drawn.body;
  start(roots, {"crash"});
  EXPECT_EQ(ask(server_->port(), "GET", picture).status, 400);
  start(roots);
  EXPECT_EQ(ask(server_->port(), "GET", picture).body, drawn.body) << "as the server draws it";
}

TEST_F(LibraryIndexTest, ATextThatCrashesItsDecoderFailsAlone) {
  fs::create_directories(root_ / "texts");
  write_file_atomically(root_ / "texts/a.eml", "From: a@b\nSubject: Zavarka\n\nblack tea\n");
  write_file_atomically(root_ / "texts/b.md", "# Вода\n\nСчёт за воду");
  start({{7, "texts", root_ / "texts"}}, {"once", (root_ / "starts").string(), "crash"});
  ASSERT_EQ(post({{"root", 7}}).status, 202);
  const json status = ended();
  EXPECT_EQ(status.at("state"), "done") << status;
  ASSERT_EQ(status.at("failures").size(), 1u) << status;
  EXPECT_EQ(status.at("failures")[0].at("file"), (root_ / "texts/a.eml").string());
  EXPECT_NE(status.dump().find("its decoder crashed"), std::string::npos) << status;
  EXPECT_EQ(found("воду"), 1u);
  ASSERT_EQ(post({{"root", 7}, {"retry", true}}).status, 202);
  EXPECT_EQ(ended().at("failed"), 0);
  EXPECT_EQ(found("tea"), 1u);
}

/// Cut, changed and wrongly named files of all kinds under names with control characters.
TEST_F(LibraryIndexTest, EachOfManyHostileFilesEndsWithAReasonOfItsOwn) {
  std::size_t files = 0;
  const auto add = [&](const std::string& name, const std::string& bytes) {
    write_file_atomically(root_ / "mix" / name, bytes);
    ++files;
  };
  fs::create_directories(root_ / "mix");
  const std::vector<std::pair<std::string, std::string>> sources = {
      {".jpg", bytes_of(OKO_SOURCE_DIR "/tests/image/data/cmyk.jpg")},
      {".png", bytes_of(OKO_SOURCE_DIR "/tests/image/data/grey16.png")},
      {".webp", bytes_of(OKO_SOURCE_DIR "/tests/image/data/animated.webp")},
      {".gif", bytes_of(OKO_SOURCE_DIR "/tests/image/data/animated.gif")},
      {".bmp", bytes_of(OKO_SOURCE_DIR "/tests/image/data/8.bmp")},
      {".tiff", bytes_of(OKO_SOURCE_DIR "/tests/image/data/cmyk.tiff")},
      {".pdf", bytes_of(root_ / "more/bill.pdf")},
      {".docx", docx_file("<w:p><w:r><w:t>Samovar</w:t></w:r></w:p>")},
      {".eml", "From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nSamovar\n--x--\n"}};
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto& [ending, whole] = sources[i];
    add("cut \x1b[31m" + ending, whole.substr(0, whole.size() / 2));
    std::string changed = whole;
    for (std::size_t at = 5; at < changed.size(); at += 97) changed[at] = '\xff';
    add("changed \n" + ending, changed);
    add("named wrongly" + sources[(i + 1) % sources.size()].first, whole);
    add("empty" + ending, "");
  }
  add("nested.docx", docx_file(std::string(5000, '<') + "w:p>"));
  add("locked.pdf", bytes_of(OKO_SOURCE_DIR "/tests/document/data/locked.pdf"));
  add("tea.txt", "Zavarka from the Caucasus");
  start({{1, "mix", root_ / "mix"}}, {decoding::kHelperArgument});
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  const json status = ended();
  EXPECT_EQ(status.at("state"), "done") << status;
  EXPECT_EQ(status.at("files_done"), status.at("files")) << status;
  EXPECT_EQ(get("/v1/library/documents?limit=1000").at("data").size(), files);
  const json failed = get("/v1/library/documents?failed=true&limit=1000").at("data");
  EXPECT_GT(failed.size(), files / 2);
  for (const json& failure : failed) {
    const std::string reason = failure.at("error");
    EXPECT_TRUE(reason.starts_with(failure.at("file").get<std::string>())) << failure;
    EXPECT_EQ(reason.find("could not be decoded"), std::string::npos) << failure;
  }
  EXPECT_EQ(found("zavarka"), 1u);
}

TEST_F(LibraryIndexTest, DecodersThatAreKilledEndTheRun) {
  start({{7, "more", root_ / "more"}}, {"killed", "ready"});
  ASSERT_EQ(post(json::object()).status, 202) << "there is one folder alone";
  const json status = ended();
  EXPECT_EQ(status.at("state"), "failed") << status;
  EXPECT_EQ(status.at("error").at("code"), "failed");
  EXPECT_NE(status.at("error").at("hint").get<std::string>().find("memory"), std::string::npos);
  EXPECT_EQ(status.at("failed"), 0) << "the file is read again in the next run";
}

TEST_F(LibraryIndexTest, RunsOneAtATimeAndStops) {
  close_door();
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  EXPECT_EQ(get(kIndex).at("state"), "running");
  EXPECT_EQ(get(kIndex).at("phase"), "starting");
  const ApiAnswer second = post({{"root", 7}});
  EXPECT_EQ(second.status, 409) << second.body;
  EXPECT_NE(second.body.find("notes is being indexed"), std::string::npos) << second.body;
  EXPECT_EQ(found("tea"), 0u) << "requests go on";
  EXPECT_EQ(ask(server_->port(), "DELETE", kIndex).status, 200);
  EXPECT_EQ(ended().at("state"), "stopped");
  EXPECT_EQ(ask(server_->port(), "DELETE", kIndex).parsed().at("state"), "stopped");
  EXPECT_EQ(host_->memory_budget().transient_bytes(), 0u);
  // The end of the server is that of a run.
  ASSERT_EQ(post({{"root", 1}}).status, 202);
  EXPECT_TRUE(server_->stop(std::chrono::seconds(60)));
}

TEST_F(LibraryIndexTest, SaysThatAnotherProcessWrites) {
  is_locked_ = true;
  const ApiAnswer answer = post({{"root", 1}});
  EXPECT_EQ(answer.status, 409) << answer.body;
  EXPECT_NE(answer.body.find("another one writes"), std::string::npos) << answer.body;
  EXPECT_EQ(get(kIndex).at("state"), "idle");
}

TEST_F(LibraryIndexTest, TakesNoPaths) {
  const json kBad[] = {{{"root", 0}},
                       {{"root", 2}},
                       {{"root", -1}},
                       {{"root", 1.5}},
                       {{"root", "1"}},
                       {{"root", root_.string()}},
                       {{"root", ".."}},
                       {{"root", "notes/../.."}},
                       {{"root", json::array({1})}},
                       {{"path", root_.string()}},
                       json::object()};
  for (const json& body : kBad) {
    const ApiAnswer answer = post(body);
    EXPECT_EQ(answer.status, 400) << body << answer.body;
    EXPECT_NE(answer.body.find("root"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(get(kIndex).at("state"), "idle");
  const ApiAnswer captions = post({{"root", 1}, {"caption", true}});
  EXPECT_EQ(captions.status, 404) << "no model that sees";
  EXPECT_NE(captions.body.find("oko pull qwen3-vl-4b"), std::string::npos) << captions.body;
  start({});
  const ApiAnswer none = post({{"root", 1}});
  EXPECT_EQ(none.status, 400) << none.body;
  EXPECT_NE(none.body.find("--root"), std::string::npos) << none.body;
}

TEST_F(LibraryIndexTest, FollowsNoLinksOutOfAFolder) {
  fs::create_symlink(root_ / "secret.txt", root_ / "more/link.txt");
  fs::create_directory_symlink(root_, root_ / "more/up");
  ASSERT_EQ(post({{"root", 7}}).status, 202);
  EXPECT_EQ(ended().at("added"), 1);
  EXPECT_EQ(found("nobody"), 0u);
}

}  // namespace
}  // namespace oko::server

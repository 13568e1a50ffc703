// Addresses of pictures as inputs of `oko describe` and `oko ocr`.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/http_server.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"
#include "tests/support/white_bitmap.h"

namespace oko {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using nlohmann::json;

const std::string kPdf = std::string(OKO_SOURCE_DIR) + "/tests/document/data/text.pdf";

class WebInputTest : public ScratchFolderTest {
 protected:
  WebInputTest() : server_([this](const ServerRequest& request) { return reply(request); }) {}

  ServerReply reply(const ServerRequest& request) const {
    const std::string path = request.path.substr(0, request.path.find('?'));
    if (path == "/white.png") return {.body = white_bitmap(64, 64)};
    const bool is_paper = path == "/" || path.starts_with("/paper") || path == "/escaped/";
    if (is_paper) return {.body = read_file(kPdf, 1 << 20, ErrorCode::kFailed)};
    if (path == "/page") return {.body = "\n<!DOCTYPE html><HTML><body>a.png</body></html>"};
    if (path == "/words") return {.body = "only words"};
    if (path == "/empty") return {};
    if (path == "/slow") {
      return {.body = std::string("BM") + std::string(500'000, 'x'), .bytes_per_second = 2000};
    }
    if (path == "/late") return {.body = white_bitmap(64, 64), .delay = 60s};
    // Cut if all of it is read.
    if (path == "/film") return {.body = std::string(5000, 'w'), .claimed_length = 1'000'000};
    if (path == "/second" && seconds_++ == 0) {
      return {.body = std::string(5000, 'w'), .cut_after = 3};
    }
    if (path == "/second") return {.body = white_bitmap(64, 64)};
    if (path == "/large") return {.body = "BM", .claimed_length = 300'000'000};
    return {.status = 404};
  }

  std::vector<std::string> environment(const std::string& language = "en") const {
    return {"LANG=" + language + "_XX.UTF-8",
            "LC_ALL=",
            "TERM=xterm",
            "http_proxy=",
            "TMPDIR=" + folder_.string(),
            "OKO_HOME=" + (folder_ / "home").string()};
  }
  ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") const {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, environment(language)).wait();
  }
  std::string url(const std::string& path) const { return server_.url() + path; }

  void expect_no_temporary_file() const {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      EXPECT_EQ(entry.path().filename(), "home") << entry.path();
    }
  }

  mutable std::atomic<int> seconds_{0};  ///< requests for "/second"
  HttpServer server_;                    // last: its threads use the rest
};

TEST_F(WebInputTest, APictureAndAPdfAreTakenFromTheirAddresses) {
  const ProcessResult described =
      run({"describe", "--model", RandomModels::get("qwen3-vl-small-4bit", 5).string(),
           "--max-tokens", "2", "--ocr", "off", "--json", url("/white.png?key=secret")});
  EXPECT_EQ(described.status, 0) << described.err;
  EXPECT_EQ(json::parse(described.out).at("file"), url("/white.png"));
  EXPECT_EQ(described.out.find("secret"), std::string::npos);
  const ProcessResult read = run({"ocr", "--format", "json", url("/paper")});
  EXPECT_EQ(read.status, 0) << read.err;
  EXPECT_EQ(json::parse(read.out).at("file"), url("/paper"));
  expect_no_temporary_file();
}

TEST_F(WebInputTest, OtherFilesAreRefused) {
  const auto error = [&](const std::string& path, const std::string& language = "en") {
    const ProcessResult result = run({"ocr", url(path)}, language);
    EXPECT_EQ(result.status, 4) << path;
    return result.err;
  };
  EXPECT_EQ(error("/page"), "oko: " + url("/page") +
                                ": this is a web page\nhint: give the address of the picture "
                                "itself\n");
  EXPECT_NE(error("/page", "ru").find("это веб-страница\nподсказка: укажите адрес самой картинки"),
            std::string::npos);
  EXPECT_NE(error("/words").find("is neither a picture nor a PDF (it starts like plain text)"),
            std::string::npos);
  EXPECT_NE(error("/film").find("is neither a picture nor a PDF"), std::string::npos)
      << "its first bytes are enough";
  EXPECT_NE(error("/empty").find(": is empty (0 bytes)"), std::string::npos);
  EXPECT_NE(error("/none?key=secret").find("/none: the server answers with status 404\nhint: "),
            std::string::npos);
  EXPECT_NE(error("/large", "ru").find("больше 200 МБ — это предел"), std::string::npos);
  expect_no_temporary_file();
}

TEST_F(WebInputTest, AddressesOfOtherProtocolsAreRefusedByTheirKind) {
  for (const char* address : {"ftp://user:secret@host/x.png", "S3://bucket/x.png", "file:///x.png",
                              "https:/host/x.png", "http:x.png"}) {
    const ProcessResult result = run({"ocr", address});
    EXPECT_EQ(result.status, 4) << result.err;
    EXPECT_NE(result.err.find(": oko takes addresses that begin with https:// or http://\nhint: "),
              std::string::npos)
        << result.err;
    EXPECT_EQ(result.err.find("secret"), std::string::npos) << result.err;
  }
  const ProcessResult one = run({"ocr", "ftp://host/x.png", url("/paper")}, "ru");
  EXPECT_EQ(one.status, 4) << one.err;
  EXPECT_NE(one.err.find("принимает адреса, которые начинаются с https://"), std::string::npos);
  EXPECT_FALSE(one.out.empty());
  const fs::path folder = folder_ / "http:";  // a file of such a name is a file
  fs::create_directories(folder);
  fs::copy(kPdf, folder / "x.pdf");
  const ProcessResult file =
      Process({"/bin/sh", "-c",
               "cd '" + folder_.string() + "' && exec '" OKO_PROGRAM "' ocr " + "http:/x.pdf"},
              environment())
          .wait();
  EXPECT_EQ(file.status, 0) << file.err;
}

TEST_F(WebInputTest, OneBadAddressDoesNotStopTheOthers) {
  const ProcessResult result =
      run({"ocr", "http://127.0.0.1:1/gone.png", url("/none"), url("/paper")});
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_FALSE(result.out.empty());
  EXPECT_TRUE(result.err.ends_with("oko: 2 of 3 files could not be read: gone.png, none\n"))
      << result.err;
}

TEST_F(WebInputTest, CtrlCLeavesNoFile) {
  Process process({OKO_PROGRAM, "ocr", url("/slow")}, environment());
  for (int i = 0; i < 3000 && fs::is_empty(folder_); ++i) std::this_thread::sleep_for(10ms);
  ASSERT_FALSE(fs::is_empty(folder_));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().status, 130);
  expect_no_temporary_file();
}

TEST_F(WebInputTest, ATerminalShowsThatItDownloads) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no terminals";
  for (const char* path : {"/slow", "/late"}) {
    Terminal terminal({OKO_PROGRAM, "ocr", url(path)}, environment());
    EXPECT_TRUE(terminal.shows("downloading  [")) << path;
    terminal.type("\x03");
    EXPECT_EQ(terminal.wait(), 130) << path;
  }
}

TEST_F(WebInputTest, ADownloadThatBeginsAnewForgetsWhatCameFirst) {
  const ProcessResult result = run({"ocr", url("/second")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(seconds_, 2);
}

/// An address has no say in where its result lies: dots and slashes in it lead nowhere.
TEST_F(WebInputTest, ResultsOfAddressesStayInTheFolder) {
  const fs::path out = folder_ / "a" / "b" / "out";
  for (const char* path : {"/paper", "/paper/", "/paper/../../../../escaped/paper/..", "/"}) {
    const ProcessResult result = run({"ocr", url(path), "--out-dir", out});
    EXPECT_EQ(result.status, 0) << result.err;
  }
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "a")) {
    names.insert(fs::relative(entry.path(), out).string());
  }
  const fs::path host = server_.url().substr(std::string("http://").size());
  EXPECT_EQ(names, (std::set<std::string>{"..", ".", "paper.txt", host.stem().string() + ".txt"}));
}

}  // namespace
}  // namespace oko

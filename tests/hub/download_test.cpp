// Downloads from servers that misbehave.
#include "hub/download.h"

#include <fstream>
#include <set>
#include <thread>

#include "base/file.h"
#include "hub/part_file.h"
#include "tests/support/fake_hub.h"
#include "tests/support/gzip_text.h"
#include "tests/support/scratch_folder.h"

namespace oko::hub {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::size_t kSize = 1'000'000;

std::string random_text(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

class DownloadTest : public ScratchFolderTest {
 protected:
  DownloadTest()
      : weights_(random_text(kSize)),
        hub_("org/model", {{"config.json", "{}"}, {"empty", ""}, {"w.bin", weights_}}) {
    options_.chunk_bytes = 100'000;
    options_.http.first_delay = 5ms;
    options_.http.tries = 4;
    options_.http.silence = 2s;
    options_.token = "secret";
  }

  std::vector<DownloadFile> files(const std::vector<std::string>& paths) const {
    std::vector<DownloadFile> list;
    for (const std::string& path : paths) {
      const std::string url =
          file_url({.endpoint = hub_.url()}, {"org/model", FakeHub::commit(), {}}, path);
      list.push_back({url, folder_ / path, hub_.listed(path)});
    }
    return list;
  }
  std::uint64_t run() { return download_files(files({"config.json", "empty", "w.bin"}), options_); }

  std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void expect_all() const {
    EXPECT_EQ(read("config.json"), "{}");
    EXPECT_TRUE(fs::exists(folder_ / "empty"));
    EXPECT_TRUE(read("w.bin") == weights_);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 3);
  }
  /// `change` of the `nth` answer with bytes of the weights; of all from then on if `stays`.
  void set_fault(int nth, const std::function<void(ServerReply&)>& change, bool stays = false) {
    hub_.fault("w.bin") = [=](ServerReply& reply, const ServerRequest&, int count) {
      if (count == nth || (stays && count > nth)) change(reply);
    };
  }

  std::string weights_;
  FakeHub hub_;
  DownloadOptions options_;
};

TEST_F(DownloadTest, FilesAreFetchedInRangesAtOnce) {
  std::uint64_t last = 0, total = 0;
  options_.progress = [&](std::uint64_t done, std::uint64_t of) {
    EXPECT_GE(done, last);
    last = done;
    total = of;
  };
  hub_.fault("w.bin") = [&](ServerReply&, const ServerRequest&, int) {
    for (int i = 0; i < 100 && hub_.storage().most_at_once() < 3; ++i) {
      std::this_thread::sleep_for(10ms);
    }
  };
  EXPECT_EQ(run(), kSize + 2);
  expect_all();
  EXPECT_EQ(hub_.requests("w.bin"), 10);
  EXPECT_GE(hub_.storage().most_at_once(), 3);
  EXPECT_EQ(last, kSize + 2);
  EXPECT_EQ(total, kSize + 2);
}

TEST_F(DownloadTest, TokenStaysWithTheHub) {
  run();
  for (const ServerRequest& request : hub_.server().requests()) {
    EXPECT_EQ(request.field("authorization"), "Bearer secret") << request.path;
  }
  for (const ServerRequest& request : hub_.storage().requests()) {
    EXPECT_EQ(request.field("authorization"), "") << request.path;
  }
}

TEST_F(DownloadTest, TheHubIsAskedForAnAddressOnceWhileItIsValid) {
  options_.connections = 1;
  run();
  EXPECT_EQ(hub_.server().requests().size(), 2u);  // config.json, w.bin
}

TEST_F(DownloadTest, AnAddressThatIsNoLongerValidIsAskedForAgain) {
  options_.connections = 1;
  set_fault(3, [](ServerReply& reply) { reply = {.status = 403, .body = "expired"}; });
  run();
  expect_all();
  EXPECT_EQ(hub_.server().requests().size(), 3u);
}

/// Both connections use the address when it ends; the second hears of it while the first asks the
/// hub for a new one.
TEST_F(DownloadTest, AnAddressMayEndUnderRequestsInFlight) {
  options_.connections = 2;
  Mutex mutex;
  std::set<std::string> used;
  int refusals = 0;
  hub_.fault("w.bin") = [&](ServerReply& reply, const ServerRequest& request, int) {
    const MutexLock lock(mutex);
    const bool is_first_use = used.insert(request.path).second;
    if (!is_first_use && (request.path.ends_with("=1") || request.path.ends_with("=2"))) {
      ++refusals;
      reply = {.status = 403, .body = "expired"};
      reply.delay = refusals * 150ms;
    } else if (is_first_use && refusals > 0) {
      reply.delay = 300ms;
    }
  };
  run();
  expect_all();
  EXPECT_GE(refusals, 1);
  EXPECT_EQ(hub_.requests("w.bin"), 10 + refusals);
}

TEST_F(DownloadTest, CutsOverloadAndSilenceAreOvercome) {
  const std::vector<std::function<void(ServerReply&)>> faults = {
      [](ServerReply& reply) { reply.cut_after = 0; },
      [](ServerReply& reply) { reply.cut_after = 50'000; },
      [](ServerReply& reply) {
        reply = {.status = 429, .fields = {{"Retry-After", "1"}}};
      },
      [](ServerReply& reply) { reply = {.status = 503}; },
      [](ServerReply& reply) { reply.delay = 4s; },
      [](ServerReply& reply) { reply.body.resize(1000); },  // fewer bytes than its range says
      [](ServerReply& reply) { reply.claimed_length = reply.body.size() + 5; },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    for (const int nth : {0, 4}) {
      SCOPED_TRACE(i);
      set_fault(hub_.requests("w.bin") + nth, faults[i]);
      run();
      expect_all();
      for (const char* name : {"config.json", "empty", "w.bin"}) fs::remove(folder_ / name);
    }
  }
}

/// The file is hashed and has its name before the transfer of its bytes has ended.
TEST_F(DownloadTest, AnEndThatComesLateIsNoFault) {
  hub_.fault("config.json") = [](ServerReply& reply, const ServerRequest&, int) {
    reply.late_last_chunk = 200ms;
  };
  hub_.fault("w.bin") = [](ServerReply& reply, const ServerRequest&, int) { reply.delay = 200ms; };
  EXPECT_EQ(run(), kSize + 2);
  expect_all();
  EXPECT_EQ(hub_.requests("config.json"), 1);
}

/// Each try brings some bytes.
TEST_F(DownloadTest, AServerThatAlwaysCutsIsOvercome) {
  set_fault(
      0, [](ServerReply& reply) { reply.cut_after = reply.body.size() / 2 + 1; }, true);
  run();
  expect_all();
}

TEST_F(DownloadTest, BytesThatCameAreNotFetchedAgain) {
  options_.connections = 1;
  set_fault(
      5, [](ServerReply& reply) { reply = {.status = 404}; }, true);
  message_of([&] { run(); }, ErrorCode::kModelNotFound);
  EXPECT_FALSE(fs::exists(folder_ / "w.bin"));
  hub_.clear_faults();
  const std::uint64_t fetched = run();
  EXPECT_GE(fetched, kSize - 500'000);
  EXPECT_LE(fetched, kSize - 500'000 + 2);  // config.json had its name already, or not
  expect_all();
}

TEST_F(DownloadTest, ServersWithoutRangesGiveWholeFiles) {
  const auto whole = [&](ServerReply& reply) { reply = {.body = weights_}; };
  set_fault(0, whole, true);
  run();
  expect_all();
  fs::remove(folder_ / "w.bin");
  {
    PartFile part(folder_ / "w.bin", kSize, hash_of(hub_.listed("w.bin")));
    part.write(500, std::as_bytes(std::span(weights_).subspan(500, 1000)));
  }
  run();
  expect_all();
}

TEST_F(DownloadTest, ServersWithoutRangesMayCut) {
  int count = 0;
  set_fault(
      0,
      [&](ServerReply& reply) {
        reply = {.body = weights_};
        ++count;
        if (count < 8 && count % 2 == 0) reply.cut_after = 70'000;
      },
      true);
  options_.connections = 1;
  options_.http.tries = 8;
  run();
  expect_all();
  fs::remove(folder_ / "w.bin");
  set_fault(
      0,
      [&](ServerReply& reply) {
        reply = {.body = weights_};
        reply.cut_after = 70'000;
      },
      true);
  EXPECT_NE(message_of([&] { run(); }, ErrorCode::kFailed).find("the connection was cut"),
            std::string::npos);
}

TEST_F(DownloadTest, AFlippedBitIsFetchedAgain) {
  set_fault(3, [](ServerReply& reply) { reply.body[77] = static_cast<char>(reply.body[77] ^ 4); });
  EXPECT_EQ(run(), 2 * kSize + 2);
  expect_all();
}

TEST_F(DownloadTest, BytesThatStayWrongAreAnError) {
  set_fault(
      0, [](ServerReply& reply) { reply.body[9] = static_cast<char>(reply.body[9] ^ 4); }, true);
  EXPECT_NE(message_of([&] { run(); }, ErrorCode::kFailed)
                .find("w.bin: what the server sends has the hash "),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "w.bin"));
}

TEST_F(DownloadTest, AFileThatChangesBetweenRangesIsNoticed) {
  const std::string other = random_text(kSize + 1).substr(1);
  hub_.fault("w.bin") = [&](ServerReply& reply, const ServerRequest& request, int count) {
    const auto range = request.range(kSize);
    if (count >= 5) reply.body = other.substr(range->first, range->second - range->first);
  };
  EXPECT_NE(message_of([&] { run(); }, ErrorCode::kFailed).find("has the hash"), std::string::npos);
  hub_.fault("w.bin") = [&](ServerReply& reply, const ServerRequest& request, int count) {
    const auto range = request.range(kSize);
    if (count < 25) return;
    reply.fields["Content-Range"] = "bytes " + std::to_string(range->first) + "-" +
                                    std::to_string(range->second - 1) + "/2000000";
  };
  EXPECT_NE(message_of([&] { run(); }, ErrorCode::kFailed)
                .find("does not have the 1000000 bytes that the hub lists"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "w.bin"));
}

TEST_F(DownloadTest, AnswersThatAreNotTheFileAreErrors) {
  const auto message_for = [&](const ServerReply& answer, ErrorCode code) {
    set_fault(
        0, [=](ServerReply& reply) { reply = answer; }, true);
    const std::string message = message_of([&] { run(); }, code);
    EXPECT_FALSE(fs::exists(folder_ / "w.bin")) << message;
    return message;
  };
  const ServerReply page{.fields = {{"Content-Type", "text/html; charset=utf-8"}},
                         .body = "<html>Sign in</html>"};
  EXPECT_EQ(message_for(page, ErrorCode::kFailed), "w.bin: a web page came in place of the file");
  EXPECT_EQ(message_for({.status = 401}, ErrorCode::kModelNotFound),
            "w.bin: the server does not give this file (status 401)");
  EXPECT_EQ(message_for({.status = 404}, ErrorCode::kModelNotFound),
            "w.bin: the server does not give this file (status 404)");
  EXPECT_EQ(message_for({.status = 503}, ErrorCode::kFailed),
            "w.bin: the server answers with status 503");
  EXPECT_EQ(message_for({.status = 400}, ErrorCode::kFailed),
            "w.bin: the server answers with status 400");
  const std::string wrong_size = "w.bin: the file on the server does not have the 1000000 bytes";
  EXPECT_EQ(message_for({.status = 416}, ErrorCode::kFailed).substr(0, wrong_size.size()),
            wrong_size);
  EXPECT_EQ(
      message_for({.status = 206, .body = "abc"}, ErrorCode::kFailed).substr(0, wrong_size.size()),
      wrong_size);
  EXPECT_EQ(message_for({.body = std::string(kSize + 1, 'a')}, ErrorCode::kFailed)
                .substr(0, wrong_size.size()),
            wrong_size);
}

TEST_F(DownloadTest, ACompressedFileIsTakenAndCompressedPartsAreNot) {
  FakeHub hub("org/model", {{"note.txt", kPlainText}});
  const DownloadFile file{
      file_url({.endpoint = hub.url()}, {"org/model", FakeHub::commit(), {}}, "note.txt"),
      folder_ / "note.txt", hub.listed("note.txt")};
  hub.fault("note.txt") = [](ServerReply& reply, const ServerRequest&, int) {
    reply = {.fields = {{"Content-Encoding", "gzip"}}, .body = kGzipText};
  };
  EXPECT_EQ(download_files({file}, options_), kPlainText.size());
  EXPECT_EQ(read("note.txt"), kPlainText);
  fs::remove(folder_ / "note.txt");
  hub.fault("note.txt") = [](ServerReply& reply, const ServerRequest&, int) {
    reply.fields["Content-Encoding"] = "gzip";
    reply.body = kGzipText;
  };
  EXPECT_EQ(message_of([&] { download_files({file}, options_); }, ErrorCode::kFailed),
            "note.txt: something on the way compresses the parts of the file (gzip)");
}

/// It is not asked again: nobody would wait so long.
TEST_F(DownloadTest, AServerThatAsksForMoreTimeIsNamedWithIt) {
  options_.connections = 1;
  const auto expect_end = [&](int requests) {
    const int before = hub_.requests("w.bin");
    try {
      run();
      ADD_FAILURE() << "no error was thrown";
    } catch (const Error& error) {
      EXPECT_TRUE(error.hint().contains("the server asks to wait 15 min; ")) << error.hint();
    }
    EXPECT_EQ(hub_.requests("w.bin") - before, requests);
  };
  const ServerReply wait{.status = 429, .fields = {{"Retry-After", "900"}}};
  set_fault(
      0, [&](ServerReply& reply) { reply = wait; }, true);
  expect_end(1);
  std::atomic<int> calls{0};
  hub_.fault("w.bin") = [&](ServerReply& reply, const ServerRequest&, int) {
    reply = ++calls == 1 ? ServerReply{.body = weights_} : wait;
  };
  expect_end(2);  // the first answer tells that it has no ranges
}

TEST_F(DownloadTest, AStopKeepsWhatHasCome) {
  hub_.fault("w.bin") = [](ServerReply& reply, const ServerRequest&, int) {
    reply.bytes_per_second = 100'000;
  };
  StopSource stop;
  options_.stop = stop.get_token();
  options_.progress = [&](std::uint64_t done, std::uint64_t) {
    if (done > 60'000) stop.request_stop();
  };
  const auto start = std::chrono::steady_clock::now();
  message_of([&] { run(); }, ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  hub_.clear_faults();
  options_.stop = {};
  EXPECT_LE(run(), kSize - 59'000);
  expect_all();
}

}  // namespace
}  // namespace oko::hub

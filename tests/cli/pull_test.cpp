// `oko pull` against a hub on this machine.
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <random>

#include "base/duration_text.h"
#include "base/file.h"
#include "cli/transfer_rate.h"
#include "hub/verify.h"
#include "tests/support/fake_hub.h"
#include "tests/support/process.h"
#include "tests/support/random_models.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/terminal.h"
#include "tests/support/weights_text.h"

namespace oko {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

const std::string kConfig = read_file(
    std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl/config.json", 100'000, ErrorCode::kFailed);

class PullCommandTest : public ScratchFolderTest {
 protected:
  static constexpr std::size_t kWeights = 3'000'000;

  PullCommandTest()
      : hub_("org/model", {{"config.json", kConfig},
                           {"tokenizer.json", "{}"},
                           {"model.safetensors", std::string(kWeights, 'w')}}) {}

  std::vector<std::string> environment(const std::string& language = "en") const {
    return {"LANG=" + language + "_XX.UTF-8",
            "LC_ALL=",
            "TERM=xterm",
            "HF_ENDPOINT=" + hub_.url(),
            "HF_HOME=" + (folder_ / "huggingface").string(),
            "HF_HUB_OFFLINE=",
            "HF_TOKEN=",
            "OKO_HOME=" + (folder_ / "oko").string()};
  }
  static std::vector<std::string> command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {OKO_PROGRAM, "pull"});
    return arguments;
  }
  ProcessResult run(const std::vector<std::string>& arguments,
                    const std::string& language = "en") const {
    return Process(command(arguments), environment(language)).wait();
  }
  fs::path folder() const { return folder_ / "oko" / "models" / "org" / "model"; }
  void slow_down(std::size_t bytes_per_second) {
    hub_.fault("model.safetensors") = [=](ServerReply& reply, const ServerRequest&, int) {
      reply.bytes_per_second = bytes_per_second;
    };
  }

  FakeHub hub_;
};

TEST_F(PullCommandTest, PrintsTheFolderAndItsSize) {
  const ProcessResult first = run({"org/model"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.out, folder().string() + ": 3 MB, 3 files\n");
  EXPECT_EQ(first.err, "");
  const ProcessResult second = run({"org/model"}, "ru");
  EXPECT_EQ(second.out, folder().string() + ": 3 МБ, 3 файла\n");
  EXPECT_EQ(second.err, "oko: модель уже скачана\n");
  EXPECT_EQ(run({"org/model", "--quiet"}).out, "");
}

TEST_F(PullCommandTest, JsonTellsWhatWasFetched) {
  const ProcessResult result = run({"org/model", "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json object = json::parse(result.out);
  EXPECT_EQ(object.at("repository"), "org/model");
  EXPECT_EQ(object.at("revision"), FakeHub::commit());
  EXPECT_EQ(object.at("folder"), folder().string());
  EXPECT_EQ(object.at("source"), "hub");
  EXPECT_EQ(object.at("files"), 3);
  EXPECT_EQ(object.at("bytes"), kWeights + kConfig.size() + 2);
  EXPECT_EQ(object.at("fetched_bytes"), kWeights + kConfig.size() + 2);
  EXPECT_EQ(json::parse(run({"org/model", "--json"}).out).at("source"), "model_folder");
}

TEST_F(PullCommandTest, FailuresHaveTheirStatusAndAHint) {
  EXPECT_EQ(run({"org/other"}).status, 5);
  EXPECT_EQ(run({"nonsense"}).status, 2);
  EXPECT_EQ(run({}).status, 2);
  const ProcessResult revision = run({"org/model", "--revision", "v9"});
  EXPECT_EQ(revision.status, 5);
  EXPECT_EQ(revision.err.substr(0, revision.err.find('\n')), "oko: org/model: has no revision v9");
  EXPECT_NE(run({"nonsense"}, "ru").err.find("подсказка: укажите репозиторий Hugging Face"),
            std::string::npos);
}

TEST_F(PullCommandTest, ModelsThatOkoDoesNotRunAreRefusedBeforeTheirWeights) {
  const FakeHub other("org/speech", {{"config.json", "{\"model_type\":\"whisper\"}"},
                                     {"tokenizer.json", "{}"},
                                     {"model.safetensors", std::string(kWeights, 'w')}});
  std::vector<std::string> variables = environment();
  variables.push_back("HF_ENDPOINT=" + other.url());
  std::erase(variables, "HF_ENDPOINT=" + hub_.url());
  const ProcessResult result = Process(command({"org/speech"}), variables).wait();
  EXPECT_EQ(result.status, 5);
  EXPECT_EQ(result.err,
            "oko: org/speech: oko does not run models of this kind (model_type \"whisper\")\n"
            "hint: oko runs dense Qwen3-VL models (qwen3_vl) and encoders (xlm-roberta, bert)\n");
  EXPECT_EQ(other.requests("model.safetensors"), 0);
  EXPECT_FALSE(fs::exists(folder_ / "oko" / "models" / "org"));
}

TEST_F(PullCommandTest, ShortNamesThatWereMeantAreNamed) {
  EXPECT_NE(run({"qwen3-vl-4"}).err.find("hint: did you mean qwen3-vl-4b?\n"), std::string::npos);
  EXPECT_NE(run({"BGEM3"}).err.find("hint: did you mean bge-m3?\n"), std::string::npos);
}

TEST_F(PullCommandTest, ANewerVersionIsNamedAndReplacesTheOld) {
  ASSERT_EQ(run({"org/model"}).status, 0);
  EXPECT_EQ(run({"org/model"}).err, "oko: the model is there already\n");
  const std::string commit(40, 'b');
  FakeHub newer("org/model",
                {{"config.json", kConfig},
                 {"tokenizer.json", "{\"a\":1}"},
                 {"model.safetensors", std::string(kWeights, 'w')}},
                1000, commit);
  std::vector<std::string> variables = environment();
  std::erase(variables, "HF_ENDPOINT=" + hub_.url());
  variables.push_back("HF_ENDPOINT=" + newer.url());
  const ProcessResult noted = Process(command({"org/model"}), variables).wait();
  EXPECT_EQ(noted.status, 0);
  EXPECT_EQ(noted.err,
            "oko: the model is there already, but the hub has a newer version (bbbbbbbb)\n"
            "hint: oko pull org/model --update replaces it\n");
  const json updated =
      json::parse(Process(command({"org/model", "--update", "--json"}), variables).wait().out);
  EXPECT_EQ(updated.at("revision"), commit);
  EXPECT_EQ(updated.at("fetched_bytes"), 7);  // the rest is the same
  EXPECT_EQ(newer.requests("model.safetensors"), 0);
  EXPECT_EQ(read_file(folder() / "tokenizer.json", 100, ErrorCode::kFailed), "{\"a\":1}");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder().parent_path()), {}), 1);
  const ProcessResult again = Process(command({"org/model", "--update"}), variables).wait();
  EXPECT_EQ(again.err, "oko: the model is there already\n");
}

TEST_F(PullCommandTest, AnUnfinishedDownloadIsNamedWhenItIsUsed) {
  slow_down(500'000);
  Process process(command({"org/model"}), environment());
  while (hub_.requests("model.safetensors") == 0) std::this_thread::sleep_for(10ms);
  process.signal(SIGINT);
  process.wait();
  const ProcessResult used = Process({OKO_PROGRAM, "verify", "org/model"}, environment()).wait();
  EXPECT_EQ(used.status, 5);
  EXPECT_NE(used.err.find("hint: its download is not finished: oko pull org/model goes on"),
            std::string::npos)
      << used.err;
}

TEST_F(PullCommandTest, ATerminalShowsSpeedAndTimeLeft) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no terminals";
  slow_down(1'500'000);
  Terminal terminal(command({"org/model"}), environment());
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_NE(terminal.shown().find(" MB of 3 MB, "), std::string::npos) << terminal.shown();
  EXPECT_NE(terminal.shown().find("/s, "), std::string::npos) << terminal.shown();
  EXPECT_EQ(terminal.screen(), folder().string() + ": 3 MB, 3 files\n\n");
}

TEST_F(PullCommandTest, CtrlCStopsAndTheNextPullGoesOn) {
  slow_down(500'000);
  Process process(command({"org/model"}), environment());
  while (hub_.requests("model.safetensors") == 0) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(1s);
  process.signal(SIGINT);
  const ProcessResult stopped = process.wait();
  EXPECT_EQ(stopped.status, 130);
  EXPECT_EQ(stopped.err, "oko: stopped\n");
  hub_.clear_faults();
  const json rest = json::parse(run({"org/model", "--json"}).out);
  EXPECT_LT(rest.at("fetched_bytes"), kWeights);
  EXPECT_EQ(rest.at("bytes"), kWeights + kConfig.size() + 2);
}

/// Weights that are aligned on the way, from a slow hub.
class KilledPullTest : public PullCommandTest {
 protected:
  static constexpr std::size_t kFloats = 1'500'000;

  KilledPullTest()
      : weights_(weights_text(kFloats, 5)),
        slow_(
            "org/model",
            {{"config.json", kConfig}, {"tokenizer.json", "{}"}, {"model.safetensors", weights_}}) {
    slow_.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int) {
      reply.bytes_per_second = 60'000'000;
    };
  }
  void SetUp() override {
    PullCommandTest::SetUp();
    variables_ = environment();
    std::erase(variables_, "HF_ENDPOINT=" + hub_.url());
    variables_.push_back("HF_ENDPOINT=" + slow_.url());
  }
  ProcessResult pull() const { return Process(command({"org/model"}), variables_).wait(); }
  void expect_whole() const {
    const std::string stored =
        read_file(folder() / "model.safetensors", 5 * kFloats, ErrorCode::kFailed);
    EXPECT_EQ(stored.size(), weights_.size() + 59);
    EXPECT_TRUE(stored.ends_with(std::string_view(weights_).substr(weights_.size() - 4 * kFloats)));
    for (const auto& file : hub::verify_model({.model = folder()})) {
      EXPECT_EQ(file.state, hub::FileState::kRight) << file.path;
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 4);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder().parent_path()), {}), 1);
  }

  std::string weights_;
  FakeHub slow_;
  std::vector<std::string> variables_;
};

TEST_F(KilledPullTest, AHundredKillsLeaveNothingThatIsTakenForAModel) {
  std::mt19937 random(7);
  const int kills = repetitions(100, 10);
  int finished = 0;
  for (int i = 0; i < kills; ++i) {
    Process process(command({"org/model", "--quiet"}), variables_);
    // Half of them before the weights come, where most steps are.
    const unsigned most = i % 2 == 0 ? 80 : 300;
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % most));
    process.signal(SIGKILL);
    process.wait();
    if (!fs::exists(folder())) continue;
    ++finished;
    expect_whole();
    fs::remove_all(folder());
  }
  RecordProperty("finished", finished);
  const ProcessResult last = pull();
  EXPECT_EQ(last.status, 0) << last.err;
  expect_whole();
}

TEST_F(KilledPullTest, OfTwoPullsAtOnceOneFetchesAndBothHaveTheModel) {
  Process first(command({"org/model"}), variables_), second(command({"org/model"}), variables_);
  EXPECT_EQ(first.wait().status, 0);
  EXPECT_EQ(second.wait().status, 0);
  expect_whole();
  EXPECT_EQ(slow_.requests("tokenizer.json"), 1);
}

TEST_F(PullCommandTest, ADiskThatIsTooSmallIsNamedBeforeADownload) {
  hub_.api_fault = [](ServerReply& reply, const ServerRequest& request, int) {
    if (request.path.find("/tree/") == std::string::npos) return;
    const std::string size = "\"size\":3000000";
    for (std::size_t at = reply.body.find(size); at != std::string::npos;
         at = reply.body.find(size)) {
      reply.body.replace(at, size.size(), "\"size\":4000000000000");
    }
  };
  const ProcessResult result = run({"org/model"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find(": 4000.1 GB are needed, "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("set OKO_HOME to a folder on a larger one\n"), std::string::npos)
      << result.err;
  EXPECT_EQ(hub_.requests("tokenizer.json"), 0);
}

TEST_F(PullCommandTest, AFullDiskIsAnError) {
  const ProcessResult result =
      Process({"/bin/bash", "-c", "ulimit -f 1000; exec \"$0\" pull org/model", OKO_PROGRAM},
              environment())
          .wait();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("model.safetensors.part: cannot be written: "), std::string::npos)
      << result.err;
  EXPECT_FALSE(fs::exists(folder()));
  EXPECT_EQ(run({"org/model"}).status, 0);
}

/// bge-m3 has its original weights at the hub, and an 8-bit model of them in the end.
class PullEmbeddingModelTest : public ScratchFolderTest {
 protected:
  PullEmbeddingModelTest() : hub_("BAAI/bge-m3", original()) {}

  static FakeHub::Files original() {
    FakeHub::Files files;
    const fs::path& folder = RandomModels::get("bge-m3-small-f32", 38);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      files[entry.path().lexically_relative(folder)] =
          read_file(entry.path(), 1'000'000'000, ErrorCode::kFailed);
    }
    return files;
  }
  ProcessResult run(std::vector<std::string> arguments, std::string url = "") const {
    if (url.empty()) url = hub_.url();
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments, {"LANG=en_XX.UTF-8", "LC_ALL=", "HF_ENDPOINT=" + url,
                               "HF_HOME=" + folder_.string(), "HF_HUB_OFFLINE=", "HF_TOKEN=",
                               "HF_HUB_CACHE=", "OKO_HOME=" + (folder_ / "oko").string()})
        .wait();
  }
  fs::path models() const { return folder_ / "oko" / "models"; }

  FakeHub hub_;
};

TEST_F(PullEmbeddingModelTest, IsConvertedAndItsSourceRemoved) {
  const ProcessResult result = run({"pull", "bge-m3"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with((models() / "bge-m3").string() + ": ")) << result.out;
  EXPECT_FALSE(fs::exists(models() / "BAAI"));
  const ProcessResult embed = run({"embed", "hello", "--json"});
  EXPECT_EQ(embed.status, 0) << embed.err;
  EXPECT_EQ(json::parse(embed.out).at("dense").size(), 128u);
  EXPECT_EQ(run({"verify", "bge-m3"}).status, 0);
  const std::size_t requests = hub_.server().requests().size();
  for (const char* name : {"bge-m3", "BGE-M3/", "https://huggingface.co/BAAI/bge-m3/"}) {
    EXPECT_EQ(run({"pull", name}).err, "oko: the model is there already\n") << name;
  }
  EXPECT_EQ(hub_.server().requests().size(), requests + 3) << "each asks for the commit alone";
}

TEST_F(PullEmbeddingModelTest, ANewerVersionIsNamedAndReplacesTheOld) {
  ASSERT_EQ(run({"pull", "bge-m3"}).status, 0);
  FakeHub::Files files = original();
  files["config.json"] += "\n";
  const FakeHub newer("BAAI/bge-m3", files, 1000, std::string(40, 'b'));
  EXPECT_EQ(run({"pull", "bge-m3"}, newer.url()).err,
            "oko: the model is there already, but the hub has a newer version (bbbbbbbb)\n"
            "hint: oko pull bge-m3 --update replaces it\n");
  const ProcessResult updated = run({"pull", "bge-m3", "--update", "--json"}, newer.url());
  ASSERT_EQ(updated.status, 0) << updated.err;
  EXPECT_EQ(json::parse(updated.out).at("revision"), std::string(40, 'b'));
  EXPECT_EQ(run({"verify", "bge-m3"}).status, 0);
  EXPECT_EQ(run({"embed", "hello", "--json"}).status, 0);
  EXPECT_FALSE(fs::exists(models() / "BAAI"));
}

TEST_F(PullEmbeddingModelTest, ASourceThatWasThereOrIsWantedStays) {
  ASSERT_EQ(run({"pull", "bge-m3", "--keep-source"}).status, 0);
  EXPECT_TRUE(fs::exists(models() / "BAAI" / "bge-m3" / "config.json"));
  fs::remove_all(models() / "bge-m3");
  ASSERT_EQ(run({"pull", "bge-m3"}).status, 0);
  EXPECT_TRUE(fs::exists(models() / "BAAI" / "bge-m3" / "config.json"));
  EXPECT_TRUE(fs::exists(models() / "bge-m3" / "config.json"));
}

TEST(TransferRateTest, TellsSpeedAndTimeLeftOfTheLastSeconds) {
  cli::TransferRate rate;
  const cli::TransferRate::Clock::time_point start;
  rate.add(start, 500'000'000);  // of an earlier process
  EXPECT_EQ(rate.text(1'000'000'000).in(Language::kEnglish), "500 MB of 1.0 GB");
  for (int i = 1; i <= 100; ++i) rate.add(start + i * 50ms, 500'000'000 + i * 500'000);
  EXPECT_NEAR(rate.bytes_per_second(), 10e6, 1e5);
  EXPECT_EQ(rate.text(1'000'000'000).in(Language::kEnglish),
            "550 MB of 1.0 GB, 10 MB/s, 45 s left");
  EXPECT_EQ(rate.text(1'000'000'000).in(Language::kRussian),
            "550 МБ из 1,0 ГБ, 10 МБ/с, осталось 45 с");
  for (int i = 1; i <= 400; ++i) rate.add(start + 5s + i * 50ms, 550'000'000 + i * 50'000);
  EXPECT_NEAR(rate.bytes_per_second(), 1e6, 1e5);
  rate.add(start + 40s, 100'000'000);  // a file is fetched again
  EXPECT_EQ(rate.bytes_per_second(), 0);
}

TEST(TransferRateTest, DurationsAreRounded) {
  const auto text = [](int seconds) {
    return duration_text(std::chrono::seconds(seconds)).in(Language::kEnglish);
  };
  EXPECT_EQ(text(0), "0 s");
  EXPECT_EQ(text(99), "99 s");
  EXPECT_EQ(text(100), "2 min");
  EXPECT_EQ(text(5400), "90 min");
  EXPECT_EQ(text(7500), "2 h 5 min");
}

}  // namespace
}  // namespace oko

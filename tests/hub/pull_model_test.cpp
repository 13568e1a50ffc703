// Models that are pulled from a hub on this machine: where they land, and what is never taken for
// one.
#include "hub/pull.h"

#include <fstream>
#include <thread>

#include "base/file.h"
#include "hub/manifest.h"
#include "hub/model_path.h"
#include "hub/verify.h"
#include "tests/support/environment.h"
#include "tests/support/fake_hub.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/weights_text.h"

namespace oko::hub {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

FakeHub::Files model_files(char weight = 'w') {
  return {{"config.json", "{}"},
          {"tokenizer.json", "{\"model\":{}}"},
          {"model.safetensors", std::string(300'000, weight)},
          {"1_Pooling/config.json", "{\"a\":1}"},
          {"README.md", "read me"},
          {"onnx/model.onnx", std::string(5000, 'o')}};
}

class PullTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH",
                             "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE"}) {
      environment_.unset(name);
    }
    environment_.set("HF_HOME", folder_ / "huggingface");
    environment_.set("OKO_HOME", folder_ / "oko");
    use(hub_);
    options_.name = "org/model";
    options_.download.chunk_bytes = 50'000;
    options_.download.http.first_delay = 5ms;
    options_.download.http.tries = 3;
  }
  void use(const FakeHub& hub) { environment_.set("HF_ENDPOINT", hub.url()); }

  fs::path folder() const { return folder_ / "oko" / "models" / "org" / "model"; }
  fs::path working() const { return folder_ / "oko" / "models" / "org" / ".model.pull"; }
  static std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  using Seal = std::function<void(const fs::path&)>;
  /// In place of a conversion.
  static void convert_by_copy(const fs::path& source, const fs::path& destination,
                              const Seal& seal) {
    const fs::path unnamed = destination.string() + ".unnamed";
    fs::copy(source, unnamed, fs::copy_options::recursive);
    seal(unnamed);
    fs::rename(unnamed, destination);
  }
  static void fail_to_convert(const fs::path&, const fs::path&, const Seal&) {
    throw Error(ErrorCode::kFailed, "x");
  }
  /// Makes the next pulls fail after some bytes of the weights.
  static void break_off(FakeHub& hub) {
    hub.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int count) {
      if (count > 1) reply = {.status = 404};
    };
  }

  Environment environment_;
  FakeHub hub_{"org/model", model_files()};
  PullOptions options_;
};

TEST_F(PullTest, TheFolderHasTheFilesAndTheirManifest) {
  const PullReport report = pull_model(options_);
  EXPECT_EQ(report.source, PullReport::Source::kHub);
  EXPECT_EQ(report.folder, folder());
  EXPECT_EQ(report.revision, FakeHub::commit());
  EXPECT_EQ(report.files, 4u);
  EXPECT_EQ(report.bytes, 300'021u);
  EXPECT_EQ(report.fetched_bytes, 300'021u);
  for (const auto& [path, content] : model_files()) {
    const bool wanted = path != "README.md" && !path.starts_with("onnx");
    EXPECT_EQ(fs::exists(folder() / path), wanted) << path;
    EXPECT_EQ(wanted && read(folder() / path) == content, wanted) << path;
  }
  const auto manifest = read_manifest(folder());
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->name, "org/model");
  EXPECT_EQ(manifest->commit, FakeHub::commit());
  ASSERT_EQ(manifest->files.size(), 4u);
  EXPECT_EQ(manifest->files.back(), hub_.listed("model.safetensors"));
  EXPECT_FALSE(fs::exists(working()));
  EXPECT_EQ(find_model("org/model"), folder());
}

/// Weights with a header that moves their tensors off their boundaries.
class PullWeightsTest : public PullTest {
 protected:
  PullWeightsTest() { options_.download.chunk_bytes = 20'000; }
  void SetUp() override {
    PullTest::SetUp();
    use(shifted_);
  }
  static FakeHub::Files files() {
    FakeHub::Files all = model_files();
    all["model.safetensors"] = weights_text(50'000, 5);
    all["model-00001-of-00001.safetensors"] = weights_text(60'000, 0);
    return all;
  }
  void expect_aligned() const {
    const std::string stored = read(folder() / "model.safetensors");
    const std::string text = files().at("model.safetensors");
    EXPECT_EQ(stored.size(), text.size() + 59);
    EXPECT_TRUE(stored.ends_with(text.substr(text.size() - 200'000)));
    const auto manifest = read_manifest(folder());
    ASSERT_TRUE(manifest);
    for (const RepositoryFile& file : manifest->files) {
      EXPECT_TRUE(file.is_same_published(shifted_.listed(file.path))) << file.path;
      EXPECT_EQ(file.stored_sha256.empty(), file.path != "model.safetensors") << file.path;
    }
    for (const VerifiedFile& file : verify_model({.model = folder()})) {
      EXPECT_EQ(file.state, FileState::kRight) << file.path;
    }
  }

  FakeHub shifted_{"org/model", files()};
};

TEST_F(PullWeightsTest, AreAlignedOnTheWay) {
  const PullReport report = pull_model(options_);
  EXPECT_EQ(report.fetched_bytes + 59, report.bytes);
  expect_aligned();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 6);
  std::string stored = read(folder() / "model.safetensors");
  stored[80] = 'x';  // in the padding
  write(folder() / "model.safetensors", stored);
  const auto files = verify_model({.model = folder()});
  EXPECT_EQ(std::count_if(files.begin(), files.end(),
                          [](const auto& file) { return file.state == FileState::kDamaged; }),
            1);
}

TEST_F(PullWeightsTest, TheNextPullKnowsWhatWasAligned) {
  options_.download.connections = 1;
  shifted_.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int count) {
    if (count > 3) reply = {.status = 404};
  };
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  EXPECT_TRUE(fs::exists(working() / "model.safetensors.part"));
  shifted_.clear_faults();
  const char* last = "model-00001-of-00001.safetensors";
  shifted_.fault(last) = [&](ServerReply& reply, const ServerRequest&, int) {
    while (!fs::exists(working() / "model.safetensors")) std::this_thread::sleep_for(5ms);
    reply = {.status = 404};
  };
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  shifted_.clear_faults();
  const int requests = shifted_.requests("model.safetensors");
  EXPECT_EQ(pull_model(options_).fetched_bytes, files().at(last).size());
  EXPECT_EQ(shifted_.requests("model.safetensors"), requests);
  expect_aligned();
}

TEST_F(PullWeightsTest, FlippedBitsOfAHeaderAreFetchedAgain) {
  shifted_.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int count) {
    if (count == 0) reply.body[40] = static_cast<char>(reply.body[40] ^ 1);
  };
  pull_model(options_);
  expect_aligned();
}

TEST_F(PullWeightsTest, ServersWithoutRangesAndCutsAreOvercome) {
  shifted_.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int count) {
    if (count == 0) reply.cut_after = 30;
    if (count == 1) reply.cut_after = 3;
    if (count > 3) reply = {.body = files().at("model.safetensors")};
  };
  pull_model(options_);
  expect_aligned();
}

TEST_F(PullTest, WhatIsThereIsNotPulledAgain) {
  pull_model(options_);
  const std::size_t requests = hub_.server().requests().size();
  const PullReport report = pull_model(options_);
  EXPECT_EQ(report.source, PullReport::Source::kModelFolder);
  EXPECT_EQ(report.bytes, 300'021u);
  EXPECT_EQ(report.fetched_bytes, 0u);
  options_.revision = FakeHub::commit();
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kModelFolder);
  EXPECT_EQ(hub_.server().requests().size(), requests);
}

TEST_F(PullTest, ARevisionIsWhatItMeantWhenItWasPulled) {
  const auto source = [&](const std::string& revision) {
    options_.revision = revision;
    return pull_model(options_).source;
  };
  const std::string other(40, 'b');
  hub_.revisions = {{"v1", FakeHub::commit()}, {"same", FakeHub::commit()}, {"v2", other}};
  EXPECT_EQ(source("v1"), PullReport::Source::kHub);
  hub_.revisions["v1"] = other;
  const std::size_t requests = hub_.server().requests().size();
  EXPECT_EQ(source("v1"), PullReport::Source::kModelFolder);
  EXPECT_EQ(hub_.server().requests().size(), requests);
  EXPECT_EQ(source("same"), PullReport::Source::kModelFolder);
  EXPECT_EQ(source("main"), PullReport::Source::kModelFolder);
  EXPECT_EQ(hub_.server().requests().size(), requests + 2);
  hub_.revisions["main"] = other;
  for (const std::string& revision : {std::string("v2"), std::string("main"), other}) {
    EXPECT_NE(message_of([&] { source(revision); }, ErrorCode::kUsage).find("another revision"),
              std::string::npos)
        << revision;
  }
  message_of([&] { source("v3"); }, ErrorCode::kModelNotFound);
}

TEST_F(PullTest, AFolderWithSomethingElseIsLeftAlone) {
  write(folder() / "notes.txt", "mine");
  EXPECT_NE(message_of([&] { pull_model(options_); }, ErrorCode::kUsage).find("something else"),
            std::string::npos);
  EXPECT_EQ(read(folder() / "notes.txt"), "mine");
  EXPECT_TRUE(hub_.server().requests().empty());
}

TEST_F(PullTest, AModelInHuggingFacesCacheIsUsedFromThere) {
  const fs::path snapshot =
      folder_ / "huggingface" / "hub" / "models--org--model" / "snapshots" / "abc";
  write(snapshot / "config.json", "{}");
  write(snapshot / "tokenizer.json", "{}");
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kHub);  // it is not whole
  fs::remove_all(folder_ / "oko");
  write(snapshot / "model.safetensors", "weights");
  const PullReport report = pull_model(options_);
  EXPECT_EQ(report.source, PullReport::Source::kHuggingFaceCache);
  EXPECT_EQ(report.folder, snapshot);
  EXPECT_EQ(report.bytes, 11u);
  EXPECT_FALSE(fs::exists(folder_ / "oko"));
}

TEST_F(PullTest, AnUpdateLeavesHuggingFacesCacheForTheHubsCommit) {
  const fs::path snapshots = folder_ / "huggingface" / "hub" / "models--org--model" / "snapshots";
  for (const char* file : {"config.json", "tokenizer.json", "model.safetensors"}) {
    write(snapshots / FakeHub::commit() / file, model_files().at(file));
  }
  options_.update = true;
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kHuggingFaceCache);
  fs::rename(snapshots / FakeHub::commit(), snapshots / "abc");
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kHub);
  EXPECT_TRUE(fs::exists(snapshots / "abc" / "model.safetensors"));
}

TEST_F(PullTest, BlobsOfAPartlyFilledCacheAreUsed) {
  const fs::path cache = folder_ / "huggingface" / "hub" / "models--org--model";
  const RepositoryFile weights = hub_.listed("model.safetensors");
  const fs::path blob = cache / "blobs" / weights.sha256;
  write(blob, model_files().at("model.safetensors"));
  EXPECT_EQ(pull_model(options_).fetched_bytes, 21u);
  EXPECT_EQ(hub_.requests("model.safetensors"), 0);
  EXPECT_TRUE(read(folder() / "model.safetensors") == read(blob));
  fs::remove_all(folder());
  write(blob, std::string(300'000, 'x'));  // damaged
  EXPECT_EQ(pull_model(options_).fetched_bytes, 300'021u);
  EXPECT_TRUE(read(folder() / "model.safetensors") == model_files().at("model.safetensors"));
  EXPECT_EQ(read(blob)[0], 'x');
}

TEST_F(PullTest, SettingsAreCheckedBeforeTheWeightsCome) {
  options_.check = [&](const fs::path& settings) {
    EXPECT_EQ(read(settings / "tokenizer.json"), model_files().at("tokenizer.json"));
    throw Error(ErrorCode::kBadModel, settings.string() + ": of another kind");
  };
  EXPECT_EQ(message_of([&] { pull_model(options_); }, ErrorCode::kBadModel),
            "org/model: of another kind");
  EXPECT_EQ(hub_.requests("model.safetensors"), 0);
  EXPECT_FALSE(fs::exists(folder().parent_path()));
}

TEST_F(PullTest, AnUpdateKeepsTheOldModelUntilTheNewOneIsThere) {
  pull_model(options_);
  FakeHub newer("org/model", model_files('x'), 1000, std::string(40, 'b'));
  use(newer);
  options_.update = true;
  newer.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int) {
    reply = {.status = 404};
  };
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  EXPECT_TRUE(read(folder() / "model.safetensors") == model_files().at("model.safetensors"));
  EXPECT_EQ(newer.requests("tokenizer.json"), 0) << "it is linked";
  newer.clear_faults();
  const PullReport report = pull_model(options_);
  EXPECT_EQ(report.revision, std::string(40, 'b'));
  EXPECT_EQ(report.fetched_bytes, 300'000u);
  EXPECT_TRUE(read(folder() / "model.safetensors") == model_files('x').at("model.safetensors"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder().parent_path()), {}), 1);
}

TEST_F(PullTest, AnUpdateReplacesAModelOfWhichNothingIsKnown) {
  pull_model(options_);
  fs::remove(folder() / kManifestName);
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kModelFolder);
  options_.update = true;
  EXPECT_EQ(pull_model(options_).fetched_bytes, 300'021u);
  EXPECT_TRUE(read_manifest(folder()));
}

/// Killed between the two renames: the new model is complete.
TEST_F(PullTest, AnUpdateThatWasKilledIsFinishedByTheNextPull) {
  pull_model(options_);
  fs::rename(folder(), working());
  write(folder().parent_path() / ".model.0.part" / "config.json", "{}");
  EXPECT_EQ(pull_model(options_).fetched_bytes, 0u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder().parent_path()), {}), 1);
}

TEST_F(PullTest, ANewerCommitIsOnlyLookedForIfItIsAskedFor) {
  pull_model(options_);
  FakeHub newer("org/model", model_files(), 1000, std::string(40, 'b'));
  use(newer);
  EXPECT_EQ(pull_model(options_).newer_revision, "");
  EXPECT_TRUE(newer.server().requests().empty());
  options_.looks_for_newer = true;
  EXPECT_EQ(pull_model(options_).newer_revision, "");  // its files are the same
  EXPECT_FALSE(newer.server().requests().empty());
  FakeHub changed("org/model", model_files('x'), 1000, std::string(40, 'b'));
  use(changed);
  EXPECT_EQ(pull_model(options_).newer_revision, std::string(40, 'b'));
  environment_.set("HF_ENDPOINT", "http://127.0.0.1:1");
  EXPECT_EQ(pull_model(options_).newer_revision, "");
}

TEST_F(PullTest, AConvertedModelOfAnotherRevisionIsNamed) {
  FakeHub hub("BAAI/bge-m3", model_files());
  hub.revisions = {{"v2", std::string(40, 'b')}, {"v1", FakeHub::commit()}};
  use(hub);
  pull_embedding_model({.pull = options_, .convert = convert_by_copy});
  options_.revision = "v1";
  pull_embedding_model({.pull = options_, .convert = convert_by_copy});
  options_.revision = "v2";
  EXPECT_NE(
      message_of([&] { pull_embedding_model({.pull = options_, .convert = convert_by_copy}); },
                 ErrorCode::kUsage)
          .find("is made of another revision, "),
      std::string::npos);
}

TEST_F(PullTest, AConvertedModelIsMadeAnewOfAChangedSource) {
  const fs::path models = folder_ / "oko" / "models", converted = models / "bge-m3";
  const std::string b(40, 'b'), c(40, 'c');
  EmbeddingPullOptions options{.pull = options_, .convert = convert_by_copy};
  options.pull.looks_for_newer = true;
  const FakeHub first("BAAI/bge-m3", model_files());
  use(first);
  EXPECT_EQ(pull_embedding_model(options).revision, FakeHub::commit());

  FakeHub same("BAAI/bge-m3", model_files(), 1000, b);
  same.revisions = {{FakeHub::commit(), b}};  // whose files are those of the other commit
  use(same);
  EXPECT_EQ(pull_embedding_model(options).newer_revision, "");
  options.pull.update = true;
  EXPECT_EQ(pull_embedding_model(options).source, PullReport::Source::kModelFolder);
  EXPECT_EQ(same.requests("model.safetensors"), 0);

  const FakeHub newer("BAAI/bge-m3", model_files('x'), 1000, c);
  use(newer);
  options.pull.update = false;
  EXPECT_EQ(pull_embedding_model(options).newer_revision, c);
  options.pull.update = true;
  options.convert = fail_to_convert;
  message_of([&] { pull_embedding_model(options); }, ErrorCode::kFailed);
  EXPECT_TRUE(read(converted / "model.safetensors") == model_files().at("model.safetensors"));
  options.convert = convert_by_copy;
  write(models / ".bge-m3.pull" / "bge-m3" / "config.json", "{}");  // of a kill
  const PullReport report = pull_embedding_model(options);
  EXPECT_EQ(report.source, PullReport::Source::kHub);
  EXPECT_EQ(report.revision, c);
  EXPECT_TRUE(read(converted / "model.safetensors") == model_files('x').at("model.safetensors"));
  EXPECT_EQ(read_manifest(converted)->commit, c);
  EXPECT_EQ(std::distance(fs::directory_iterator(models), {}), 2) << "it and the locks' folder";
  EXPECT_EQ(pull_embedding_model(options).source, PullReport::Source::kModelFolder);
}

TEST_F(PullTest, AnUpdateKeepsASourceThatTheUserWants) {
  const fs::path source = folder_ / "oko" / "models" / "BAAI" / "bge-m3";
  EmbeddingPullOptions options{.pull = options_, .keep_source = true, .convert = convert_by_copy};
  const FakeHub first("BAAI/bge-m3", model_files());
  use(first);
  pull_embedding_model(options);
  const FakeHub newer("BAAI/bge-m3", model_files('x'), 1000, std::string(40, 'b'));
  use(newer);
  options.keep_source = false;
  options.pull.update = true;
  pull_embedding_model(options);
  EXPECT_TRUE(read(source / "model.safetensors") == model_files('x').at("model.safetensors"));
}

TEST_F(PullTest, AnUnfinishedPullIsNoModelAndGoesOn) {
  break_off(hub_);
  options_.download.connections = 1;
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  EXPECT_TRUE(fs::exists(working() / "model.safetensors.part"));
  message_of([] { find_model("org/model"); }, ErrorCode::kModelNotFound);
  hub_.clear_faults();
  const PullReport report = pull_model(options_);
  EXPECT_EQ(report.fetched_bytes, 200'000u);
  EXPECT_TRUE(read(folder() / "model.safetensors") == model_files().at("model.safetensors"));
}

TEST_F(PullTest, AnotherVersionDoesNotUseThePartsOfTheFirst) {
  break_off(hub_);
  options_.download.connections = 1;
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  FakeHub::Files files = model_files('x');
  files["tokenizer.json"] = "{\"model\":[]}";  // as long as the other
  files.erase("1_Pooling/config.json");
  const FakeHub other("org/model", files);
  use(other);
  EXPECT_EQ(pull_model(options_).files, 3u);
  EXPECT_TRUE(read(folder() / "model.safetensors") == files["model.safetensors"]);
  EXPECT_EQ(read(folder() / "tokenizer.json"), files["tokenizer.json"]);
  EXPECT_FALSE(fs::exists(folder() / "1_Pooling" / "config.json"));
}

TEST_F(PullTest, OfflineNothingIsAsked) {
  environment_.set("HF_HUB_OFFLINE", "1");
  EXPECT_NE(
      message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound).find("HF_HUB_OFFLINE"),
      std::string::npos);
  EXPECT_TRUE(hub_.server().requests().empty());
  environment_.unset("HF_HUB_OFFLINE");
  pull_model(options_);
  environment_.set("HF_HUB_OFFLINE", "1");
  options_.looks_for_newer = true;
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kModelFolder);
  options_.update = true;
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kModelFolder);
}

TEST_F(PullTest, TheTokenIsThatOfTheUser) {
  hub_.token = "secret";
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  write(folder_ / "huggingface" / "token", "secret\n");
  EXPECT_EQ(pull_model(options_).files, 4u);
}

TEST_F(PullTest, TwoPullsAtOnceFetchOnce) {
  hub_.fault("model.safetensors") = [](ServerReply& reply, const ServerRequest&, int) {
    reply.delay = 50ms;
  };
  hub_.revisions["v1"] = FakeHub::commit();
  options_.revision = "v1";
  std::atomic<int> waits = 0;
  options_.on_wait = [&] { ++waits; };
  PullReport reports[2];
  {
    std::vector<JoiningThread> threads;
    for (PullReport& report : reports) {
      threads.emplace_back([this, &report] { report = pull_model(options_); });
    }
  }
  EXPECT_EQ(reports[0].fetched_bytes + reports[1].fetched_bytes, 300'021u);
  EXPECT_EQ(reports[0].folder, reports[1].folder);
  EXPECT_EQ(waits, 1);
}

TEST_F(PullTest, TheAddressOfAPageIsAName) {
  for (const char* name :
       {"https://huggingface.co/org/model", "https://huggingface.co/org/model/tree/main?x=1",
        "huggingface.co/org/model/", "HTTPS://hf.co/org/model", "org/model/", " org/model "}) {
    options_.name = name;
    EXPECT_EQ(pull_model(options_).repository, "org/model");
    EXPECT_EQ(find_model(name), folder());
  }
  for (const char* name : {"bge-m3", "BGE-M3", "bge-m3/", " bge-m3"}) {
    EXPECT_EQ(plain_model_name(name), "bge-m3");
  }
  EXPECT_EQ(plain_model_name("Qwen3-VL-4B"), "qwen3-vl-4b");
  EXPECT_EQ(plain_model_name("https://example.org/org/model"), "https://example.org/org/model");
  EXPECT_EQ(plain_model_name("https://huggingface.co/"), "");
}

TEST_F(PullTest, LocksStayOnlyBesideUnfinishedWork) {
  const auto locks = [&] {
    return std::distance(fs::directory_iterator(folder_ / "oko" / "models" / ".locks"), {});
  };
  break_off(hub_);
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  EXPECT_EQ(locks(), 1);
  hub_.clear_faults();
  pull_model(options_);
  EXPECT_EQ(locks(), 0);
  options_.name = "org/other";
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  EXPECT_EQ(locks(), 0);
}

TEST_F(PullTest, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "model", "../../etc/x", "/abs/path", "a/b/c", "org/.."}) {
    options_.name = name;
    EXPECT_NE(message_of([&] { pull_model(options_); }, ErrorCode::kUsage).find("not a model name"),
              std::string::npos);
  }
  EXPECT_TRUE(hub_.server().requests().empty());
}

TEST_F(PullTest, AHomeThatCannotBeWrittenIsAnError) {
  environment_.set("OKO_HOME", "/dev/null/oko");
  EXPECT_NE(message_of([&] { pull_model(options_); }, ErrorCode::kFailed).find("cannot be made"),
            std::string::npos);
}

TEST_F(PullTest, ProgressCountsWhatIsThere) {
  break_off(hub_);
  options_.download.connections = 1;
  message_of([&] { pull_model(options_); }, ErrorCode::kModelNotFound);
  hub_.clear_faults();
  std::uint64_t first = 0, last = 0;
  options_.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (first == 0) first = done;
    last = done;
    EXPECT_EQ(total, 300'021u);
  };
  pull_model(options_);
  EXPECT_GE(first, 100'021u);
  EXPECT_EQ(last, 300'021u);
}

TEST_F(PullTest, AConversionThatFailsLeavesNoSourceForGood) {
  const FakeHub hub("BAAI/bge-m3", model_files());
  use(hub);
  const fs::path models = folder_ / "oko" / "models";
  EmbeddingPullOptions options{.pull = options_};
  options.convert = fail_to_convert;
  message_of([&] { pull_embedding_model(options); }, ErrorCode::kFailed);
  EXPECT_TRUE(fs::exists(models / "BAAI" / "bge-m3"));
  options.convert = [&](const fs::path& source, const fs::path& destination, const Seal& seal) {
    convert_by_copy(source, destination, [&](const fs::path& unnamed) {
      seal(unnamed);
      EXPECT_EQ(read_manifest(unnamed)->name, "BAAI/bge-m3");
    });
  };
  EXPECT_EQ(pull_embedding_model(options).fetched_bytes, 0u);
  EXPECT_FALSE(fs::exists(models / "BAAI"));
  EXPECT_EQ(pull_embedding_model(options).source, PullReport::Source::kModelFolder);
}

TEST_F(PullTest, ASourceThatTheUserWantsIsKept) {
  const FakeHub hub("BAAI/bge-m3", model_files());
  use(hub);
  const fs::path models = folder_ / "oko" / "models";
  message_of([&] { pull_embedding_model({.pull = options_, .convert = fail_to_convert}); },
             ErrorCode::kFailed);
  options_.name = "BAAI/bge-m3";
  EXPECT_EQ(pull_model(options_).source, PullReport::Source::kModelFolder);
  pull_embedding_model({.pull = options_, .convert = convert_by_copy});
  EXPECT_TRUE(fs::exists(models / "BAAI" / "bge-m3" / "config.json"));

  fs::remove_all(models);
  pull_embedding_model({.pull = options_, .keep_source = true, .convert = convert_by_copy});
  pull_embedding_model({.pull = options_, .convert = convert_by_copy});
  EXPECT_TRUE(fs::exists(models / "BAAI" / "bge-m3" / "config.json"));

  fs::remove_all(models);
  message_of([&] { pull_embedding_model({.pull = options_, .convert = fail_to_convert}); },
             ErrorCode::kFailed);
  convert_by_copy(models / "BAAI" / "bge-m3", models / "bge-m3",
                  [](const fs::path&) {});  // killed before the source was removed
  pull_embedding_model({.pull = options_, .convert = convert_by_copy});
  EXPECT_FALSE(fs::exists(models / "BAAI"));
}

}  // namespace
}  // namespace oko::hub

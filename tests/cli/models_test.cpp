// `oko models` lists what is there, and `oko models rm` removes that and nothing else.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/stop_token.h"
#include "hub/file_lock.h"
#include "hub/installed_models.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/shifted_model.h"
#include "tests/support/terminal.h"

namespace oko {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string kTinyModel = std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl";
const std::string kTinyName = "mlx-community/Qwen3-VL-2B-Instruct-4bit";

class ModelsTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    environment_.set("OKO_HOME", (folder_ / "oko").string());
    environment_.set("HF_HUB_CACHE", (folder_ / "hub").string());
    environment_.set("LC_ALL", "");
    environment_.set("LANG", "en_US.UTF-8");
    environment_.set("TERM", "xterm");
  }
  static ProcessResult run(std::vector<std::string> arguments,
                           const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), {OKO_PROGRAM, "models"});
    return Process(arguments, environment).wait();
  }
  fs::path models() const { return folder_ / "oko" / "models"; }
  fs::path cached() const { return folder_ / "hub" / "models--org--cached" / "snapshots" / "abc"; }
  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  static void put_model(const fs::path& to) {
    fs::create_directories(to.parent_path());
    fs::copy(kTinyModel, to, fs::copy_options::recursive);
  }
  static std::map<std::string, json> listed() {
    std::map<std::string, json> objects;
    std::istringstream lines(run({"--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      const json object = json::parse(line);
      objects[object.at("name")] = object;
    }
    return objects;
  }

  Environment environment_;
};

TEST_F(ModelsTest, ListsModelsOfOkoAndOfTheCache) {
  put_model(models() / kTinyName);
  put_model(cached());
  write(models() / "org" / ".half.pull" / "model.safetensors.part", std::string(100'000, 'w'));
  write(models() / ".bge-m3.123.part" / "config.json", "{}");
  write(models() / ".locks" / "x.lock", "");
  write(folder_ / "hub" / "models--org--speech" / "snapshots" / "abc" / "config.json",
        "{\"model_type\":\"whisper\"}");
  const auto objects = listed();
  ASSERT_EQ(objects.size(), 5U);
  const json& own = objects.at("qwen3-vl-2b");
  EXPECT_EQ(own.at("state"), "ready");
  EXPECT_EQ(own.at("kind"), "vision_language");
  EXPECT_EQ(own.at("bits"), 4);
  EXPECT_EQ(own.at("place"), "models_folder");
  EXPECT_EQ(own.at("folder"), (models() / kTinyName).string());
  EXPECT_EQ(own.at("verdict"), "comfortable");
  EXPECT_GT(own.at("size_bytes"), 1'000'000);
  EXPECT_EQ(objects.at("org/cached").at("place"), "hugging_face_cache");
  EXPECT_EQ(objects.at("org/half").at("state"), "unfinished");
  EXPECT_GE(objects.at("org/half").at("unfinished_bytes"), 100'000);
  EXPECT_TRUE(objects.at("org/half").at("folder").is_null());
  EXPECT_EQ(objects.at("bge-m3").at("state"), "unfinished");
  EXPECT_EQ(objects.at("org/speech").at("kind"), nullptr);
  const std::string table = run({}).out;
  EXPECT_NE(table.find("qwen3-vl-2b  pictures, 4 bits   8 MB     fits           oko\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("org/cached   pictures, 4 bits   8 MB     fits           Hugging Face\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("; oko pull org/half goes on\n"), std::string::npos) << table;
  const std::string russian = run({}, {"LANG=ru_RU.UTF-8"}).out;
  EXPECT_NE(russian.find("картинки, 4 бита   8 МБ     помещается     oko\n"), std::string::npos)
      << russian;
}

TEST_F(ModelsTest, AnEmptyHomeSaysHowToBegin) {
  const ProcessResult result = run({});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(result.out.starts_with("no models yet: ")) << result.out;
  EXPECT_EQ(result.err, "hint: oko pull qwen3-vl-4b\n");
  EXPECT_EQ(run({"--json"}).out, "");
}

TEST_F(ModelsTest, RemovesAllThatOkoHasStoredOfAModel) {
  fs::create_directories((models() / kTinyName).parent_path());
  copy_shifted(kTinyModel, models() / kTinyName, 1);
  write(models() / "mlx-community" / ".Qwen3-VL-2B-Instruct-4bit.pull" / "x.part", "abc");
  put_model(models() / "other" / "model");
  const std::string picture = std::string(OKO_SOURCE_DIR) + "/demo/images/hearts.jpg";
  ASSERT_EQ(Process({OKO_PROGRAM, "describe", picture, "--model", "qwen3-vl-2b", "--ocr", "off",
                     "--max-tokens", "1"},
                    {})
                .wait()
                .status,
            0);
  ASSERT_GT(listed().at("qwen3-vl-2b").at("aligned_copy_bytes"), 1'000'000);
  const ProcessResult refused = run({"rm", "qwen3-vl-2b"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err,
            "oko: there is no terminal to ask on: nothing is removed\n"
            "hint: repeat the command with --yes\n");
  EXPECT_TRUE(fs::exists(models() / kTinyName / "config.json"));
  const ProcessResult result = run({"rm", "QWEN3-VL-2B", "--yes"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("QWEN3-VL-2B: removed, 1"), std::string::npos) << result.out;
  EXPECT_FALSE(fs::exists(models() / "mlx-community"));
  EXPECT_TRUE(fs::is_empty(models() / ".locks"));
  EXPECT_TRUE(fs::exists(models() / "other" / "model" / "config.json"));
  for (const auto& entry : fs::directory_iterator(folder_ / "oko" / "aligned")) {
    EXPECT_EQ(entry.path().filename(), "lock");
  }
}

TEST_F(ModelsTest, WordsOfOtherProgramsAreHintedAt) {
  EXPECT_NE(run({"ls"}).err.find("hint: did you mean oko models? See oko models --help\n"),
            std::string::npos);
  for (const auto& [word, meant] :
       {std::pair("run", "oko describe"), std::pair("rm", "oko models rm"),
        std::pair("list", "oko models")}) {
    const ProcessResult result = Process({OKO_PROGRAM, word, "x"}, {"LC_ALL=C"}).wait();
    EXPECT_EQ(result.status, 2);
    EXPECT_NE(result.err.find(std::string("did you mean ") + meant + "?"), std::string::npos)
        << result.err;
  }
}

TEST_F(ModelsTest, UnknownNamesRemoveNothing) {
  put_model(models() / kTinyName);
  const ProcessResult result = run({"rm", "qwen3-vl-2b", "qwen3-vl-3b", "--yes"});
  EXPECT_EQ(result.status, 5);
  EXPECT_NE(result.err.find("hint: did you mean qwen3-vl-2b?\n"), std::string::npos) << result.err;
  EXPECT_EQ(run({"rm", "../models", "--yes"}).status, 5);
  EXPECT_EQ(run({"rm", "mlx-community", "--yes"}).status, 5);
  EXPECT_TRUE(fs::exists(models() / kTinyName / "config.json"));
}

TEST_F(ModelsTest, TheCacheIsLeftAlone) {
  put_model(cached());
  const ProcessResult result = run({"rm", "org/cached", "--yes"});
  EXPECT_EQ(result.status, 5);
  EXPECT_EQ(result.err,
            "oko: org/cached: is in the Hugging Face cache only (8 MB), which oko never changes\n"
            "hint: remove it there: hf cache rm model/org/cached\n");
  put_model(models() / "org" / "cached");
  const ProcessResult own = run({"rm", "org/cached", "--yes"});
  EXPECT_EQ(own.status, 0);
  EXPECT_NE(own.err.find("still has 8 MB of it"), std::string::npos) << own.err;
  EXPECT_TRUE(fs::exists(cached() / "config.json"));
  EXPECT_FALSE(fs::exists(models() / "org"));
}

TEST_F(ModelsTest, LinksAreNotFollowed) {
  put_model(folder_ / "elsewhere" / "model");
  fs::create_directories(models() / "own");
  fs::create_directory_symlink(folder_ / "elsewhere", models() / "linked");
  fs::create_directory_symlink(folder_ / "elsewhere" / "model", models() / "own" / "model");
  const ProcessResult outside = run({"rm", "linked/model", "--yes"});
  EXPECT_EQ(outside.status, 2);
  EXPECT_NE(outside.err.find("lies outside of"), std::string::npos) << outside.err;
  // Neither the size of all models nor what a removal frees counts what a link leads to.
  const std::string target = (folder_ / "elsewhere" / "model").string();
  for (const char* name : {"linked/model", "own/model"}) {
    EXPECT_EQ(listed().at(name).at("link_target"), target) << name;
  }
  const std::string table = run({}).out;
  EXPECT_NE(table.find("\nown/model: is a link to " + target + ", where its 8 MB are\n"),
            std::string::npos)
      << table;
  EXPECT_EQ(table.find("oko: 16 MB in "), std::string::npos) << table;
  put_model(models() / "org" / "model");
  EXPECT_TRUE(listed().at("org/model").at("link_target").is_null());
  EXPECT_NE(run({}).out.find("\noko: 8 MB in "), std::string::npos) << run({}).out;
  const ProcessResult removed = run({"rm", "own/model", "--yes"});
  EXPECT_EQ(removed.status, 0);
  EXPECT_EQ(removed.out, "own/model: removed, 0 B are free again\n");
  EXPECT_EQ(removed.err, "oko: own/model: was a link, what it led to stays: " + target + "\n");
  EXPECT_FALSE(fs::exists(models() / "own"));
  EXPECT_TRUE(fs::exists(folder_ / "elsewhere" / "model" / "config.json"));
}

TEST_F(ModelsTest, AModelThatIsBeingPulledIsRefused) {
  put_model(models() / "org" / "model");
  fs::create_directories(models() / ".locks");
  {
    const hub::FileLock lock(hub::lock_path_of("org/model"), StopToken());
    const ProcessResult result = run({"rm", "org/model", "--yes"});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("another process downloads this model"), std::string::npos);
    EXPECT_TRUE(fs::exists(models() / "org" / "model" / "config.json"));
  }
  EXPECT_EQ(run({"rm", "org/model", "--yes"}).status, 0);
}

/// Each holder removes the file, which others have opened already.
TEST_F(ModelsTest, ALockWhoseFileIsRemovedStillHasOneHolder) {
  const fs::path path = folder_ / "lock";
  std::atomic<int> holders = 0, wrong = 0;
  {
    std::vector<JoiningThread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int taken = 0; taken < 1000;) {
          const auto lock = hub::FileLock::make_or_try(path);
          if (lock == nullptr) continue;
          if (++holders > 1) ++wrong;
          ++taken;
          --holders;
          lock->remove();
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(ModelsTest, ATerminalIsAsked) {
  if (!Terminal::is_available()) GTEST_SKIP() << "this system has no terminals";
  put_model(models() / "org" / "model");
  for (const bool yes : {false, true}) {
    Terminal terminal({OKO_PROGRAM, "models", "rm", "org/model"}, {});
    EXPECT_TRUE(terminal.shows("remove org/model (8 MB)? [y/N] "));
    terminal.type(yes ? "y\n" : "\n");
    EXPECT_EQ(terminal.wait(), 0);
    EXPECT_EQ(fs::exists(models() / "org" / "model"), !yes);
  }
}

/// What a conversion that was killed has left belongs to the model that it makes.
TEST_F(ModelsTest, TheUnfinishedSourceOfAConversionGoesWithIt) {
  write(models() / "BAAI" / ".bge-m3.pull" / "pytorch_model.bin.part", "abc");
  EXPECT_EQ(run({"rm", "bge-m3", "--yes"}).status, 0);
  EXPECT_FALSE(fs::exists(models() / "BAAI"));
  put_model(models() / "BAAI" / "bge-m3");
  EXPECT_EQ(run({"rm", "bge-m3", "--yes"}).status, 5);  // the user has wanted it for itself
  write(models() / "BAAI" / "bge-m3" / hub::kConversionMark, "");
  EXPECT_EQ(run({"rm", "bge-m3", "--yes"}).status, 0);
  EXPECT_FALSE(fs::exists(models() / "BAAI"));
}

}  // namespace
}  // namespace oko

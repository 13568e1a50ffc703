// Models in Hugging Face's cache: its folder, and the choice of a snapshot.
#include "hub/hugging_face_cache.h"

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "hub/model_path.h"
#include "tests/support/scratch_folder.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

class HuggingFaceCacheTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME",
                             "HOME", "OKO_HOME", "OKO_TEST_PLACE"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
      ::unsetenv(name);
    }
    ::setenv("OKO_HOME", (folder_ / "oko").c_str(), 1);
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
    ScratchFolderTest::TearDown();
  }

  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  fs::path repository() const { return folder_ / "hub" / "models--org--name"; }
  fs::path snapshot(const std::string& revision) const {
    return repository() / "snapshots" / revision;
  }
  /// A snapshot `age` seconds old, with weights or without.
  void add_snapshot(const std::string& revision, bool whole, int age) const {
    write(snapshot(revision) / "config.json", "{}");
    if (whole) write(snapshot(revision) / "tokenizer.json", "{}");
    if (whole) write(snapshot(revision) / "model.safetensors", "weights");
    fs::last_write_time(snapshot(revision),
                        fs::file_time_type::clock::now() - std::chrono::seconds(age));
  }
  void use_cache() const { ::setenv("HF_HUB_CACHE", (folder_ / "hub").c_str(), 1); }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(HuggingFaceCacheTest, VariablesAreReadInTheOrderOfHuggingfaceHub) {
  ::setenv("HOME", "/home/me", 1);
  EXPECT_EQ(hugging_face_cache(), "/home/me/.cache/huggingface/hub");
  ::setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(hugging_face_cache(), "/xdg/huggingface/hub");
  ::setenv("HF_HOME", "/hf", 1);
  EXPECT_EQ(hugging_face_cache(), "/hf/hub");
  ::setenv("HUGGINGFACE_HUB_CACHE", "/old", 1);
  EXPECT_EQ(hugging_face_cache(), "/old");
  ::setenv("HF_HUB_CACHE", "/new", 1);
  EXPECT_EQ(hugging_face_cache(), "/new");
}

TEST_F(HuggingFaceCacheTest, TildeAndVariablesAreReplaced) {
  ::setenv("HOME", "/home/me", 1);
  ::setenv("OKO_TEST_PLACE", "disk", 1);
  ::setenv("HF_HOME", "~/hf", 1);
  EXPECT_EQ(hugging_face_cache(), "/home/me/hf/hub");
  ::setenv("HF_HOME", "~", 1);
  EXPECT_EQ(hugging_face_cache(), "/home/me/hub");
  ::setenv("HF_HOME", "", 1);
  EXPECT_EQ(hugging_face_cache(), "/home/me/.cache/huggingface/hub");
  ::setenv("HF_HOME", "/mnt/$OKO_TEST_PLACE/${OKO_TEST_PLACE}2/$OKO_NOT_SET/$", 1);
  EXPECT_EQ(hugging_face_cache(), "/mnt/disk/disk2/$OKO_NOT_SET/$/hub");
}

TEST_F(HuggingFaceCacheTest, TheRevisionOfMainGoesBeforeANewerOne) {
  use_cache();
  EXPECT_EQ(find_snapshot("org/name"), std::nullopt);
  add_snapshot("old", true, 100);
  add_snapshot("new", true, 1);
  EXPECT_EQ(find_snapshot("org/name"), snapshot("new"));
  write(repository() / "refs" / "main", "old\n");
  EXPECT_EQ(find_snapshot("org/name"), snapshot("old"));
  EXPECT_EQ(find_model("org/name"), snapshot("old"));
  EXPECT_EQ(find_model("org/name/"), snapshot("old"));
}

TEST_F(HuggingFaceCacheTest, PrefersACompleteSnapshot) {
  use_cache();
  add_snapshot("whole", true, 100);
  add_snapshot("half", false, 1);
  EXPECT_EQ(find_snapshot("org/name"), snapshot("whole"));
  write(repository() / "refs" / "main", "half");
  EXPECT_EQ(find_snapshot("org/name"), snapshot("whole"));
  fs::remove(snapshot("whole") / "model.safetensors");
  EXPECT_EQ(find_snapshot("org/name"), snapshot("half"));
}

TEST_F(HuggingFaceCacheTest, ADownloadWithoutAConfigIsCalledIncomplete) {
  use_cache();
  fs::create_directories(snapshot("half"));
  fs::create_symlink("../../blobs/gone", snapshot("half") / "config.json");
  const std::string message = message_of([] { find_model("org/name"); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("no snapshot"), std::string::npos) << message;
}

TEST_F(HuggingFaceCacheTest, TheFolderOfARepositoryStandsForItsSnapshot) {
  add_snapshot("main", true, 100);
  add_snapshot("newer", true, 1);
  write(repository() / "refs" / "main", "main");
  EXPECT_EQ(find_model(repository()), snapshot("main"));
  EXPECT_TRUE(is_main_snapshot(snapshot("main")));
  EXPECT_FALSE(is_main_snapshot(snapshot("newer")));
}

TEST_F(HuggingFaceCacheTest, HintFollowsTheKindOfName) {
  use_cache();
  write(folder_ / "model.safetensors", "x");
  const auto refusal = [](const std::string& name) -> std::string {
    try {
      find_model(name);
      return "found";
    } catch (const Error& error) {
      return error.what() + std::string("\n") + error.hint().in(Language::kEnglish);
    }
  };
  const auto expect = [&](const std::string& name, const std::string& part) {
    EXPECT_NE(refusal(name).find(part), std::string::npos) << refusal(name);
  };
  expect("org/name", "oko pull org/name");
  expect("qwen3-vl-8b", "oko pull qwen3-vl-8b");
  expect(kDefaultVisionLanguageModel, std::string("oko pull ") + kDefaultVisionLanguageModel);
  expect(kDefaultEmbeddingModel, "oko pull bge-m3");
  expect((folder_ / "model.safetensors").string(), "is a file, a model is a folder");
  for (const char* name : {"/no/such/folder", "./folder", "https://host/org/name", "a/b/c", "a b",
                           "org/name@main", "../name", "~/name", "name", "org/"}) {
    expect(name, "give the model's folder, or its name: ORG/NAME");
  }
}

TEST_F(HuggingFaceCacheTest, EmptyNameDoesNotMeanTheCurrentFolder) {
  use_cache();
  const fs::path before = fs::current_path();
  write(folder_ / "config.json", "{}");
  fs::current_path(folder_);
  const std::string message = message_of([] { find_model(""); }, ErrorCode::kModelNotFound);
  fs::current_path(before);
  EXPECT_NE(message.find("is not on this machine"), std::string::npos) << message;
}

}  // namespace
}  // namespace oko::hub

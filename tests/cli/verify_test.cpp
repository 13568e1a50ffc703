// `oko verify` finds files that were changed.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "hub/manifest.h"
#include "tests/support/fake_hub.h"
#include "tests/support/process.h"
#include "tests/support/scratch_folder.h"

namespace oko {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string kConfig = read_file(
    std::string(OKO_SOURCE_DIR) + "/demo/models/tiny-vl/config.json", 100'000, ErrorCode::kFailed);

class VerifyTest : public ScratchFolderTest {
 protected:
  VerifyTest()
      : hub_("org/model", {{"config.json", kConfig},
                           {"tokenizer.json", "{}"},
                           {"1_Pooling/config.json", "{}"},
                           {"model.safetensors", std::string(3'000'000, 'w')}}) {}

  ProcessResult run(std::vector<std::string> arguments, const std::string& language = "en") const {
    arguments.insert(arguments.begin(), OKO_PROGRAM);
    return Process(arguments,
                   {"LANG=" + language + "_XX.UTF-8", "LC_ALL=", "HF_ENDPOINT=" + hub_.url(),
                    "HF_HUB_OFFLINE=", "HF_TOKEN=", "HF_HUB_CACHE=" + (folder_ / "hub").string(),
                    "HF_HOME=" + folder_.string(), "OKO_HOME=" + (folder_ / "oko").string()})
        .wait();
  }
  fs::path folder() const { return folder_ / "oko" / "models" / "org" / "model"; }
  static void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  static void flip_bit(const fs::path& path, std::streamoff at) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 16));
  }

  FakeHub hub_;
};

TEST_F(VerifyTest, APulledModelIsRight) {
  ASSERT_EQ(run({"pull", "org/model"}).status, 0);
  const ProcessResult result = run({"verify", "org/model"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, folder().string() + ": 3 MB, 4 files, all right\n");
  EXPECT_EQ(run({"verify", folder().string()}, "ru").out,
            folder().string() + ": 3 МБ, 4 файла, всё цело\n");
  EXPECT_EQ(run({"verify", "org/model", "--quiet"}).out, "");
}

TEST_F(VerifyTest, NamesWhatIsDamagedOrMissing) {
  ASSERT_EQ(run({"pull", "org/model"}).status, 0);
  flip_bit(folder() / "model.safetensors", 2'345'678);
  fs::remove(folder() / "tokenizer.json");
  write(folder() / "1_Pooling" / "config.json", "{} ");
  const ProcessResult result = run({"verify", "org/model"});
  EXPECT_EQ(result.status, 5);
  EXPECT_NE(result.out.find("model.safetensors: damaged\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("tokenizer.json: missing\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("1_Pooling/config.json: damaged\n"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("\nconfig.json"), std::string::npos) << result.out;
  EXPECT_NE(result.err.find(
                ": 3 of 4 files are damaged or missing\nhint: download it again: oko models rm "
                "org/model, then oko pull org/model\n"),
            std::string::npos)
      << result.err;
  const json object = json::parse(run({"verify", "org/model", "--json"}).out);
  ASSERT_EQ(object.at("files").size(), 4u);
  EXPECT_EQ(object.at("files")[0].at("path"), "model.safetensors");
  EXPECT_EQ(object.at("files")[0].at("state"), "damaged");
  EXPECT_EQ(object.at("files")[0].at("bytes"), 3'000'000);
}

TEST_F(VerifyTest, BlobsOfHuggingFacesCacheHaveTheirHashesAsNames) {
  const fs::path repository = folder_ / "hub" / "models--org--model";
  const fs::path snapshot = repository / "snapshots" / "abc";
  for (const char* path : {"config.json", "model.safetensors", "1_Pooling/config.json"}) {
    const hub::RepositoryFile file = hub_.listed(path);
    const bool is_large = !file.sha256.empty();
    write(repository / "blobs" / hub::hash_of(file), !is_large ? "{}"
                                                     : path == std::string("config.json")
                                                         ? kConfig
                                                         : std::string(file.size, 'w'));
    fs::create_directories((snapshot / path).parent_path());
    const fs::path up = std::string(path).find('/') == std::string::npos ? "../.." : "../../..";
    fs::create_symlink(up / "blobs" / hub::hash_of(file), snapshot / path);
  }
  const ProcessResult right = run({"verify", "org/model"});
  EXPECT_EQ(right.status, 0) << right.err;
  EXPECT_EQ(right.out, snapshot.string() + ": 3 MB, 3 files, all right\n");
  flip_bit(snapshot / "model.safetensors", 0);
  const ProcessResult wrong = run({"verify", snapshot.string()});
  EXPECT_EQ(wrong.status, 5);
  EXPECT_EQ(wrong.out, "model.safetensors: damaged\n");
  const std::string blob =
      (repository / "blobs" / hub_.listed("model.safetensors").sha256).string();
  EXPECT_NE(wrong.err.find("hint: remove what it is a link to, " + blob + ", then download"),
            std::string::npos)
      << wrong.err;
}

TEST_F(VerifyTest, ModelsWithoutHashesAreNotCalledRight) {
  write(folder_ / "own" / "config.json", "{}");
  const ProcessResult result = run({"verify", (folder_ / "own").string()});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("own: no hashes of this model are known"), std::string::npos)
      << result.err;
  EXPECT_EQ(run({"verify", "org/other"}).status, 5);
  EXPECT_EQ(run({"verify"}).status, 2);
}

}  // namespace
}  // namespace oko

// The choice of a model's weight files in a folder.
#include "checkpoint/checkpoint_files.h"

#include "base/localized_text.h"
#include "checkpoint/weight_files.h"
#include "tests/support/weight_files.h"

namespace oko::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIndex = "model.safetensors.index.json";

class CheckpointFilesTest : public ::testing::Test {
 protected:
  /// A file of weights with one tensor, or, if `quantized`, with a layer as MLX writes it.
  void write_weights(const std::string& name, bool quantized = false) const {
    folder_.write(name, safetensors_file({{quantized ? "a.scales" : "a.weight", "U8", {1}, "x"}}));
  }
  void write_index(const std::vector<std::string>& shards) const {
    std::string map;
    for (const std::string& shard : shards) {
      map += fmt::format(R"({}"{}":"{}")", map.empty() ? "" : ",", shard, shard);
    }
    folder_.write(kIndex, fmt::format(R"({{"weight_map":{{{}}}}})", map));
  }
  std::vector<std::string> found(const CheckpointFormat& format = kSafetensorsFormat) const {
    std::vector<std::string> names;
    for (const fs::path& file : checkpoint_files(folder_.path(), format)) {
      EXPECT_EQ(file.parent_path(), folder_.path());
      names.push_back(file.filename().string());
    }
    return names;
  }

  const std::string one_of_two_ = "model-00001-of-00002.safetensors";
  const std::string two_of_two_ = "model-00002-of-00002.safetensors";
  TemporaryFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(CheckpointFilesTest, AFolderWithoutWeightsHasNone) {
  write_weights("adapter_model.safetensors");
  folder_.write("model.gguf", "GGUF");
  EXPECT_EQ(found(), Names{});
  EXPECT_EQ(unread_weights(folder_.path()), (Names{"adapter_model.safetensors", "model.gguf"}));
  expect_bad_model([&] { find_weight_files(folder_.path()); }, {"does not read", "model.gguf"});
}

TEST_F(CheckpointFilesTest, PrefersCompleteIndexOverSingleFile) {
  for (const std::string& name : {one_of_two_, two_of_two_}) write_weights(name);
  write_index({one_of_two_, two_of_two_});
  write_weights("model.safetensors", /*quantized=*/true);
  folder_.write("config.json", "{}");
  EXPECT_EQ(found(), (Names{one_of_two_, two_of_two_}));
}

TEST_F(CheckpointFilesTest, ConfigDecidesBetweenTwoCompleteCandidates) {
  for (const std::string& name : {one_of_two_, two_of_two_}) write_weights(name);
  write_index({one_of_two_, two_of_two_});
  write_weights("model.safetensors", /*quantized=*/true);
  folder_.write("config.json", R"({"quantization":{"bits":4}})");
  EXPECT_EQ(found(), Names{"model.safetensors"});
}

TEST_F(CheckpointFilesTest, IgnoresIndexOfMissingShards) {
  write_index({"model-00001-of-00004.safetensors", "model-00002-of-00004.safetensors"});
  write_weights("model.safetensors");
  EXPECT_EQ(found(), Names{"model.safetensors"});
  fs::remove(folder_.path() / "model.safetensors");
  for (const std::string& name : {one_of_two_, two_of_two_}) write_weights(name);
  EXPECT_EQ(found(), (Names{one_of_two_, two_of_two_}));
}

TEST_F(CheckpointFilesTest, IgnoresDamagedIndexOfACompleteModel) {
  folder_.write(kIndex, "{");
  write_weights("model.safetensors");
  EXPECT_EQ(found(), Names{"model.safetensors"});
}

TEST_F(CheckpointFilesTest, NamesDamagedIndexOfAnIncompleteModel) {
  folder_.write(kIndex, "{");
  write_weights(one_of_two_);
  expect_bad_model([&] { found(); }, {kIndex});
}

TEST_F(CheckpointFilesTest, AShardIsNumberedFromOneToTheirCount) {
  write_weights(one_of_two_);
  for (const char* name :
       {"model-00000-of-00002.safetensors", "model-00003-of-00002.safetensors"}) {
    write_weights(name);
    expect_bad_model([&] { found(); }, {two_of_two_, "missing"});
    fs::remove(folder_.path() / name);
  }
}

TEST_F(CheckpointFilesTest, CompleteShardsNeedNoIndex) {
  for (const std::string& name : {two_of_two_, one_of_two_}) write_weights(name);
  EXPECT_EQ(found(), (Names{one_of_two_, two_of_two_}));
  fs::remove(folder_.path() / one_of_two_);
  expect_bad_model([&] { found(); }, {one_of_two_, "missing"});
}

TEST_F(CheckpointFilesTest, NamesMissingPart) {
  write_index({one_of_two_, two_of_two_});
  write_weights(one_of_two_);
  expect_bad_model([&] { found(); }, {two_of_two_, "missing"});
  fs::remove(folder_.path() / kIndex);
  fs::remove(folder_.path() / one_of_two_);
  fs::create_symlink("gone", folder_.path() / "model.safetensors");
  expect_bad_model([&] { found(); }, {"model.safetensors", "missing"});
}

TEST_F(CheckpointFilesTest, FilesOfPyTorchFollowTheSameRules) {
  folder_.write("pytorch_model-00001-of-00002.bin", "x");
  folder_.write("pytorch_model-00002-of-00002.bin", "x");
  EXPECT_EQ(found(), Names{});
  EXPECT_EQ(found(kTorchFormat),
            (Names{"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"}));
}

TEST_F(CheckpointFilesTest, AWholeModelHasAConfigATokenizerAndWeights) {
  folder_.write("config.json", "{}");
  folder_.write("tokenizer.json", "{}");
  EXPECT_FALSE(is_whole_model(folder_.path()));
  write_weights(one_of_two_);
  EXPECT_FALSE(is_whole_model(folder_.path()));
  write_weights(two_of_two_);
  EXPECT_TRUE(is_whole_model(folder_.path()));
  folder_.write("modules.json", R"([{"path":"","type":"a.Transformer"},)"
                                R"({"path":"1_Pooling","type":"a.Pooling"},)"
                                R"({"path":"2_Normalize","type":"a.Normalize"}])");
  EXPECT_FALSE(is_whole_model(folder_.path()));
  fs::create_directory(folder_.path() / "1_Pooling");
  folder_.write("1_Pooling/config.json", "{}");
  EXPECT_TRUE(is_whole_model(folder_.path()));
  fs::remove(folder_.path() / "tokenizer.json");
  EXPECT_FALSE(is_whole_model(folder_.path()));
}

}  // namespace
}  // namespace oko::checkpoint

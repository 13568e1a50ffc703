#include "testing/random_model.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/stop_token.h"
#include "checkpoint/safetensors.h"
#include "hub/file_lock.h"
#include "hub/free_space.h"
#include "hub/output_folder.h"
#include "tests/support/scratch_folder.h"

namespace oko::testing {
namespace {

using nlohmann::json;

class RandomModelTest : public ScratchFolderTest {
 protected:
  std::filesystem::path make(const std::string& shape, std::uint64_t max_shard_bytes = 0) {
    const auto out = folder_ / shape;
    make_random_model({.shape = shape, .max_shard_bytes = max_shard_bytes}, out);
    return out;
  }

  static json read_json(const std::filesystem::path& path) {
    return json::parse(read_file(path, 100'000'000, ErrorCode::kBadModel));
  }

  static std::set<std::string> names_in(const std::filesystem::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
};

/// Every tensor of the safetensors files of a folder, as bytes.
std::map<std::string, std::string> read_tensors(const std::filesystem::path& folder) {
  std::map<std::string, std::string> tensors;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const MappedFile file(entry.path(), ErrorCode::kBadModel);
    const auto bytes = file.bytes();
    for (const auto& [name, info] :
         checkpoint::parse_safetensors(bytes, bytes.size(), entry.path().string())) {
      EXPECT_EQ(info.offset % checkpoint::size_of(info.dtype), 0U) << name;
      tensors[name].assign(reinterpret_cast<const char*>(bytes.data()) + info.offset, info.size);
    }
  }
  return tensors;
}

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

// Printed by tools/parity/recipe.py: FNV-1a of the first 64 KiB of tensors of seed 1.
struct Fingerprint {
  const char* shape;
  const char* tensor;
  std::uint64_t hash;
};
constexpr Fingerprint kFingerprints[] = {
    {"qwen3-vl-small-f32", "language_model.model.embed_tokens.weight", 0x79f3776828b01653},
    {"qwen3-vl-small-f32", "language_model.model.layers.3.self_attn.q_norm.weight",
     0xf0b9eeb5398cd8d8},
    {"qwen3-vl-small-f32", "vision_tower.patch_embed.proj.weight", 0xe9d10c556dfd2b15},
    {"qwen3-vl-small-f32", "vision_tower.pos_embed.weight", 0x835151bd2779b9f0},
    {"qwen3-vl-small-f32", "vision_tower.deepstack_merger_list.1.norm.bias", 0x2b00f5aa4c0d69f4},
    {"qwen3-vl-small-4bit", "language_model.model.embed_tokens.scales", 0x3df7baa860509105},
    {"qwen3-vl-small-4bit", "language_model.model.layers.0.mlp.down_proj.weight",
     0x606c072af9be55cb},
    {"qwen3-vl-small-4bit", "language_model.model.layers.0.mlp.down_proj.biases",
     0x783e5ff026ad227c},
    {"qwen3-vl-small-4bit", "language_model.model.layers.1.mlp.down_proj.weight",
     0x7acc0d6332da1a05},
    {"qwen3-vl-small-4bit", "language_model.model.layers.2.mlp.down_proj.weight",
     0x2fb90e884e125ffc},
    {"qwen3-vl-small-4bit", "language_model.model.layers.2.mlp.down_proj.biases",
     0xffdf41dc3c5521cc},
    {"qwen3-vl-small-4bit", "vision_tower.blocks.3.attn.qkv.weight", 0xbaff37ae1a5e5b7f},
};

TEST_F(RandomModelTest, TensorsHaveTheBitsOfThePythonRecipe) {
  for (const char* shape : {"qwen3-vl-small-f32", "qwen3-vl-small-4bit"}) {
    const auto tensors = read_tensors(make(shape));
    for (const Fingerprint& expected : kFingerprints) {
      if (std::string_view(expected.shape) != shape) continue;
      ASSERT_TRUE(tensors.contains(expected.tensor)) << expected.tensor;
      EXPECT_EQ(fnv1a(std::string_view(tensors.at(expected.tensor)).substr(0, 65536)),
                expected.hash)
          << shape << " " << expected.tensor;
    }
  }
}

TEST_F(RandomModelTest, FolderHoldsACheckpointAndNothingElse) {
  const std::set<std::string> expected = {"config.json",       "generation_config.json",
                                          "model.safetensors", "preprocessor_config.json",
                                          "tokenizer.json",    "tokenizer_config.json"};
  EXPECT_EQ(names_in(make("qwen3-vl-small-4bit")), expected);
}

TEST_F(RandomModelTest, ConfigDescribesTheModelAndItsUnequalLayers) {
  const auto out = make("qwen3-vl-small-4bit");
  const json config = read_json(out / "config.json");
  EXPECT_EQ(config["model_type"], "qwen3_vl");
  EXPECT_EQ(config["image_token_id"], 1010);
  EXPECT_EQ(config["text_config"]["hidden_size"], 128);
  EXPECT_EQ(config["text_config"]["rope_theta"], 1000);
  EXPECT_EQ(config["text_config"]["rope_scaling"]["mrope_section"], json({8, 4, 4}));
  EXPECT_EQ(config["vision_config"]["deepstack_visual_indexes"], json({1, 2}));
  EXPECT_EQ(config["vision_config"]["out_hidden_size"], 128);
  const json& quantization = config["quantization"];
  EXPECT_EQ(quantization["bits"], 4);
  EXPECT_EQ(quantization["group_size"], 64);
  EXPECT_EQ(quantization["language_model.model.layers.1.mlp.down_proj"], false);
  EXPECT_EQ(quantization["language_model.model.layers.2.mlp.down_proj"]["bits"], 8);
  EXPECT_EQ(config["quantization_config"], quantization);

  const auto tensors = read_tensors(out);
  EXPECT_FALSE(tensors.contains("language_model.model.layers.1.mlp.down_proj.scales"));
  EXPECT_EQ(tensors.at("language_model.model.layers.2.mlp.down_proj.weight").size(), 128U * 256U);
  EXPECT_EQ(tensors.at("language_model.model.layers.3.mlp.down_proj.weight").size(), 128U * 128U);
  EXPECT_FALSE(read_json(make("qwen3-vl-small-f32") / "config.json").contains("quantization"));
}

TEST_F(RandomModelTest, TokenizerHasOneTokenAnIdAndOneMergeATokenBeyondTheBytes) {
  const json tokenizer = read_json(make("qwen3-vl-small-f32") / "tokenizer.json");
  const json& vocabulary = tokenizer["model"]["vocab"];
  const json& added = tokenizer["added_tokens"];
  EXPECT_EQ(vocabulary.size() + added.size(), 1024U);
  EXPECT_EQ(tokenizer["model"]["merges"].size(), vocabulary.size() - 256);
  std::set<int> ids;
  for (const auto& [token, id] : vocabulary.items()) ids.insert(id.get<int>());
  for (const json& token : added) ids.insert(token["id"].get<int>());
  EXPECT_EQ(ids.size(), 1024U);
  EXPECT_EQ(*ids.rbegin(), 1023);
  for (const json& merge : tokenizer["model"]["merges"]) {
    std::string token = merge;
    token.erase(token.find(' '), 1);
    EXPECT_TRUE(vocabulary.contains(token)) << merge;
  }
  EXPECT_EQ(added[12]["content"], "<|image_pad|>");
  EXPECT_EQ(added[12]["id"], 1010);
}

TEST_F(RandomModelTest, ShardsHoldTheSameTensorsAndTheIndexNamesThem) {
  const auto whole = read_tensors(make("qwen3-vl-small-4bit"));
  std::filesystem::remove_all(folder_ / "qwen3-vl-small-4bit");
  const auto out = make("qwen3-vl-small-4bit", 300'000);
  EXPECT_EQ(read_tensors(out), whole);
  const json index = read_json(out / "model.safetensors.index.json");
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index["weight_map"].items()) {
    EXPECT_TRUE(whole.contains(tensor));
    shards.insert(shard);
  }
  EXPECT_EQ(index["weight_map"].size(), whole.size());
  EXPECT_GT(shards.size(), 3U);
  const std::set<std::string> names = names_in(out);
  EXPECT_TRUE(std::includes(names.begin(), names.end(), shards.begin(), shards.end()));
}

TEST_F(RandomModelTest, ProgressReachesTheTotal) {
  std::uint64_t last = 0;
  std::uint64_t total = 0;
  RandomModelOptions options{.shape = "qwen3-vl-small-f32"};
  options.progress = [&](std::uint64_t done, std::uint64_t all) {
    EXPECT_GT(done, last);
    last = done;
    total = all;
  };
  make_random_model(options, folder_ / "model");
  EXPECT_EQ(last, total);
  EXPECT_GT(total, 1'000'000U);
}

TEST_F(RandomModelTest, StopLeavesNothing) {
  StopSource source;
  RandomModelOptions options{.shape = "qwen3-vl-small-f32"};
  options.progress = [&](std::uint64_t, std::uint64_t) { source.request_stop(); };
  options.stop = source.get_token();
  message_of([&] { make_random_model(options, folder_ / "model"); }, ErrorCode::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(RandomModelTest, FoldersThatKilledProcessesLeftAreRemovedAndNoOthers) {
  namespace fs = std::filesystem;
  for (const char* name : {".a.1.part", ".b.2.part", ".c.3.part", "d.part"}) {
    fs::create_directory(folder_ / name);
    write_file_atomically(folder_ / name / "model.safetensors", std::string_view("half"));
    if (name[1] != 'b') write_file_atomically(folder_ / name / ".oko-lock", std::string_view(""));
  }
  const hub::FileLock alive(folder_ / ".c.3.part" / ".oko-lock", StopToken());
  make("qwen3-vl-small-4bit");
  EXPECT_EQ(names_in(folder_),
            (std::set<std::string>{".b.2.part", ".c.3.part", "d.part", "qwen3-vl-small-4bit"}));
  EXPECT_FALSE(names_in(folder_ / "qwen3-vl-small-4bit").contains(".oko-lock"));
}

TEST_F(RandomModelTest, AFolderThatCannotBeHeldIsNotLeft) {
  const auto make_folder = [&] {
    const OpenFileLimit none(0);
    const hub::OutputFolder folder(folder_ / "model");
  };
  message_of(make_folder, ErrorCode::kFailed);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(RandomModelTest, FullDiskLeavesNothing) {
  const FileSizeLimit limit(500'000);
  const std::string message = message_of([&] { make("qwen3-vl-small-f32"); }, ErrorCode::kFailed);
  EXPECT_NE(message.find("model.safetensors: cannot be written"), std::string::npos) << message;
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(RandomModelTest, FullDiskErrorHasBothNumbers) {
  const std::string message = message_of(
      [&] { hub::require_free_space(folder_, 4'000'000'000'000'000'000); }, ErrorCode::kFailed);
  EXPECT_NE(message.find(": 4000000000.0 GB are needed, "), std::string::npos) << message;
}

TEST_F(RandomModelTest, FolderInUseIsLeftAlone) {
  write_file_atomically(folder_ / "notes.txt", std::string_view("mine"));
  EXPECT_EQ(message_of([&] { make_random_model({.shape = "qwen3-vl-small-f32"}, folder_); },
                       ErrorCode::kUsage),
            folder_.string() + ": the folder is not empty");
  EXPECT_EQ(names_in(folder_), std::set<std::string>{"notes.txt"});
}

TEST_F(RandomModelTest, FileInTheWayAndUnknownShapeAreErrors) {
  write_file_atomically(folder_ / "file", std::string_view("x"));
  const auto out = folder_ / "file" / "model";
  EXPECT_EQ(message_of([&] { make_random_model({.shape = "qwen3-vl-small-f32"}, out); },
                       ErrorCode::kFailed),
            out.string() + ": the folder cannot be used: Not a directory");
  EXPECT_EQ(message_of([&] { make("qwen9"); }, ErrorCode::kUsage), "qwen9: unknown shape");
}

}  // namespace
}  // namespace oko::testing

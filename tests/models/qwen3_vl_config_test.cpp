// The settings of a Qwen3-VL folder: missing ones have transformers' defaults, and oko refuses by
// name what it does not run.
#include "models/qwen3_vl/config.h"

#include <mlx/mlx.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "models/qwen3_vl/generation_config.h"
#include "models/qwen3_vl/image_processor.h"
#include "models/qwen3_vl/model.h"
#include "models/qwen3_vl/rotary.h"
#include "tensor/device.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"

namespace oko::models::qwen3_vl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Qwen3VlConfigTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    tensor::prepare_device();
    model_ = folder_ / "model";
    fs::copy(RandomModels::get("qwen3-vl-small-f32", 1), model_);
    config_ = read("config.json");
  }

  json read(const char* name) const {
    return json::parse(read_file(model_ / name, 1'000'000, ErrorCode::kFailed));
  }
  void write(const char* name, const json& value) const {
    write_file_atomically(model_ / name, value.dump());
  }
  Config load() const {
    write("config.json", config_);
    return Config::load(model_);
  }
  std::string refusal() const {
    return message_of([&] { load(); }, ErrorCode::kBadModel);
  }

  fs::path model_;
  json config_;
};

// Values: transformers 5.24, Qwen3VLTextConfig and Qwen3VLVisionConfig.
TEST_F(Qwen3VlConfigTest, ValuesThatAreLeftOutAreThoseOfTransformers) {
  json& text = config_["text_config"];
  text["hidden_size"] = 3'584;
  text["num_hidden_layers"] = 28;
  for (const char* key : {"head_dim", "rms_norm_eps", "hidden_act", "rope_theta", "rope_scaling",
                          "num_attention_heads", "num_key_value_heads", "vocab_size"}) {
    text.erase(key);
  }
  config_["vision_config"] = json::object();
  config_.erase("image_token_id");
  const Config config = load();
  EXPECT_EQ(config.text.head_dim, 128);
  EXPECT_EQ(config.text.mrope_section, (std::array{24, 20, 20}));
  EXPECT_EQ(config.text.rope_theta, 500'000.0f);
  EXPECT_EQ(config.text.rms_norm_eps, 1e-6f);
  EXPECT_EQ(config.text.num_key_value_heads, 32);
  EXPECT_EQ(config.text.vocab_size, 151'936);
  EXPECT_EQ(config.vision.depth, 27);
  EXPECT_EQ(config.vision.hidden_size, 1'152);
  EXPECT_EQ(config.vision.patch_size, 16);
  EXPECT_EQ(config.vision.spatial_merge_size, 2);
  EXPECT_EQ(config.vision.out_hidden_size, 3'584);
  EXPECT_EQ(config.vision.deepstack_visual_indexes, (std::vector{8, 16, 24}));
  EXPECT_EQ(config.vision.rope_theta, 10'000.0f);
  EXPECT_EQ(config.image_token_id, 151'655);
  text["num_attention_heads"] = 28;
  text["num_key_value_heads"] = nullptr;
  EXPECT_EQ(load().text.num_key_value_heads, 28);
}

TEST_F(Qwen3VlConfigTest, TheVisionTowersThetaTurnsItsPositions) {
  const Config usual = load();
  config_["vision_config"]["rope_parameters"] = {{"rope_type", "axial"}, {"rope_theta", 100.0}};
  const Config other = load();
  EXPECT_EQ(other.vision.rope_theta, 100.0f);
  const GridThw grid{1, 4, 4};
  const int head_dim = usual.vision.hidden_size / usual.vision.num_heads;
  const tensor::mx::array x = tensor::mx::ones({16, 1, head_dim});
  const auto turned = [&](const Config& config) { return vision_rotary(grid, config.vision)(x); };
  EXPECT_FALSE(tensor::mx::allclose(turned(usual), turned(other)).item<bool>());
  config_["vision_config"]["rope_parameters"]["rope_type"] = "yarn";
  EXPECT_NE(refusal().find("rope_type yarn"), std::string::npos);
}

TEST_F(Qwen3VlConfigTest, ReadsRotarySettingsFromEveryPlace) {
  json& text = config_["text_config"];
  const json scaling = text.value("rope_scaling", json::object());
  text.erase("rope_scaling");
  text["rope_theta"] = 7.0;
  text["rope_parameters"] = scaling;
  text["rope_parameters"]["rope_theta"] = 9.0;
  EXPECT_EQ(load().text.rope_theta, 9.0f);
  text["rope_parameters"]["rope_type"] = "yarn";
  EXPECT_NE(refusal().find("rope_type yarn"), std::string::npos);
  text["rope_parameters"]["rope_type"] = "default";
  text["rope_scaling"] = {{"type", "yarn"}, {"factor", 3.0}};  // as Qwen's README advises
  EXPECT_NE(refusal().find("rope_type yarn"), std::string::npos);
  text.erase("rope_parameters");
  text["rope_scaling"] = scaling;
  EXPECT_EQ(load().text.rope_theta, 7.0f);
  text["rope_scaling"]["mrope_section"] = {1, 1, 1};
  EXPECT_NE(refusal().find("mrope_section does not add up"), std::string::npos);
  text["rope_scaling"] = scaling;
  text["attention_bias"] = true;
  EXPECT_NE(refusal().find("attention_bias"), std::string::npos);
  text["attention_bias"] = "true";
  EXPECT_NE(refusal().find("attention_bias is \"true\", oko expects true or false"),
            std::string::npos);
}

TEST_F(Qwen3VlConfigTest, IgnoresAdviceOutsideTheSamplersRanges) {
  for (const double top_p : {0.0, 1.5, -1.0}) {
    write("generation_config.json", {{"top_p", top_p}, {"repetition_penalty", -2}, {"top_k", -5}});
    const GenerationConfig config = GenerationConfig::load(model_);
    EXPECT_EQ(config.top_p, GenerationConfig().top_p) << top_p;
    EXPECT_EQ(config.repetition_penalty, GenerationConfig().repetition_penalty);
    EXPECT_EQ(config.top_k, 0);
  }
}

TEST_F(Qwen3VlConfigTest, EitherTieFlagMakesTheEmbeddingTheHead) {
  json& text = config_["text_config"];
  config_["tie_word_embeddings"] = false;
  text["tie_word_embeddings"] = true;
  EXPECT_EQ(load().text.tie_word_embeddings, true);
  text["tie_word_embeddings"] = false;
  EXPECT_EQ(load().text.tie_word_embeddings, false);
  config_.erase("tie_word_embeddings");
  text.erase("tie_word_embeddings");
  EXPECT_EQ(load().text.tie_word_embeddings, std::nullopt);
}

TEST_F(Qwen3VlConfigTest, TheFilesSayWhetherThereIsAHead) {
  // This model has none.
  const auto loads = [&](const json& tie) {
    config_["tie_word_embeddings"] = tie;
    config_["text_config"].erase("tie_word_embeddings");
    load();
    return Model::load(model_) != nullptr;
  };
  EXPECT_TRUE(loads(true));
  EXPECT_TRUE(loads(nullptr));
  const std::string message = message_of([&] { loads(false); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("lm_head"), std::string::npos) << message;
}

TEST_F(Qwen3VlConfigTest, EndTokensAreThoseOfAllFiles) {
  config_["eos_token_id"] = 3;
  config_["text_config"]["eos_token_id"] = {4, 5};
  load();
  write("generation_config.json", {{"eos_token_id", {5, 6}}, {"repetition_penalty", 1.5}});
  write("tokenizer_config.json", {{"eos_token", {{"content", "<|im_end|>"}}}});
  const GenerationConfig config = GenerationConfig::load(model_);
  EXPECT_EQ(config.eos_token_ids, (std::vector<std::int32_t>{5, 6, 3, 4}));
  EXPECT_EQ(config.eos_token, "<|im_end|>");
  EXPECT_EQ(config.repetition_penalty, 1.5f);
  write("generation_config.json", {{"eos_token_id", nullptr}});
  write("tokenizer_config.json", {{"eos_token", "<end>"}});
  EXPECT_EQ(GenerationConfig::load(model_).eos_token_ids, (std::vector<std::int32_t>{3, 4, 5}));
  EXPECT_EQ(GenerationConfig::load(model_).eos_token, "<end>");
}

TEST_F(Qwen3VlConfigTest, ALinkWithoutItsFileIsNoMissingSetting) {
  for (const char* name : {"generation_config.json", "preprocessor_config.json"}) {
    fs::remove(model_ / name);
    fs::create_symlink("../../blobs/gone", model_ / name);
    const auto load_all = [&] {
      GenerationConfig::load(model_);
      ImageProcessorConfig::of_model(model_);
    };
    const std::string message = message_of(load_all, ErrorCode::kBadModel);
    EXPECT_NE(message.find(name + std::string(": is a link to a file")), std::string::npos)
        << message;
    fs::remove(model_ / name);
    if (name == std::string("generation_config.json")) load_all();
  }
}

TEST_F(Qwen3VlConfigTest, TheProcessorOfTransformers5GoesFirst) {
  const json older = read("preprocessor_config.json");
  json newer = older;
  newer["size"] = {{"shortest_edge", 1'024}, {"longest_edge", 2'048}};
  write("processor_config.json", {{"processor_class", "Qwen3VLProcessor"}});
  EXPECT_NE(ImageProcessorConfig::of_model(model_).max_pixels, 2'048);
  write("processor_config.json", {{"image_processor", newer}});
  EXPECT_EQ(ImageProcessorConfig::of_model(model_).max_pixels, 2'048);
  fs::remove(model_ / "preprocessor_config.json");
  EXPECT_EQ(ImageProcessorConfig::of_model(model_).min_pixels, 1'024);
  fs::remove(model_ / "processor_config.json");
  const std::string message =
      message_of([&] { ImageProcessorConfig::of_model(model_); }, ErrorCode::kBadModel);
  EXPECT_NE(message.find("preprocessor_config.json"), std::string::npos) << message;
}

TEST_F(Qwen3VlConfigTest, StepsOfTheProcessorAreRunOrRefused) {
  json settings = read("preprocessor_config.json");
  settings["resample"] = "bicubic";
  settings["size"] = {{"shortest_edge", 1'024}, {"longest_edge", 234'881'024}};
  write("preprocessor_config.json", settings);
  EXPECT_EQ(ImageProcessorConfig::of_model(model_).max_pixels, 1 << 26);
  for (const char* step : {"do_resize", "do_rescale", "do_normalize"}) {
    json off = settings;
    off[step] = false;
    write("preprocessor_config.json", off);
    const std::string message =
        message_of([&] { ImageProcessorConfig::of_model(model_); }, ErrorCode::kBadModel);
    EXPECT_NE(message.find(step), std::string::npos) << message;
  }
  settings["resample"] = "nearest";
  write("preprocessor_config.json", settings);
  message_of([&] { ImageProcessorConfig::of_model(model_); }, ErrorCode::kBadModel);
}

}  // namespace
}  // namespace oko::models::qwen3_vl

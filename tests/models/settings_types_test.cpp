// Every setting that oko reads, with values of every type: refusals of wrong types name file, key
// and value; values of the right type are not refused for their type.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "models/bge_m3/config.h"
#include "models/qwen3_vl/config.h"
#include "models/qwen3_vl/generation_config.h"
#include "models/qwen3_vl/image_processor.h"
#include "tests/support/scratch_folder.h"
#include "text/chat_template.h"

namespace oko::models {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

enum class Type { kText, kWhole, kNumber, kList, kObject, kBoolean };

/// A value that no setting has, so that it can be found in a message.
json value_of(Type type) {
  switch (type) {
    case Type::kText:
      return "7";
    case Type::kWhole:
      return 7;
    case Type::kNumber:
      return 7.25;
    case Type::kList:
      return json::array({json::object()});
    case Type::kObject:
      return {{"7", 7}};
    case Type::kBoolean:
      return true;
  }
  return {};
}

struct Setting {
  std::string file;
  std::string key;  ///< a pointer of JSON
  std::set<Type> types;
};

std::vector<Setting> settings(const std::string& file, const std::string& object,
                              std::initializer_list<const char*> keys,
                              const std::set<Type>& types) {
  std::vector<Setting> all;
  for (const char* key : keys) all.push_back({file, object + "/" + key, types});
  return all;
}

void append(std::vector<Setting>& to, const std::vector<Setting>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

class SettingsTypesTest : public ScratchFolderTest {
 protected:
  void SetUp() override {
    ScratchFolderTest::SetUp();
    model_ = folder_ / "model";
    fs::create_directory(model_);
  }
  /// Without weights and tokenizer, which say nothing of settings.
  void use_qwen3_vl() const {
    const fs::path demo = fs::path(OKO_SOURCE_DIR) / "demo" / "models" / "tiny-vl";
    for (const char* name : {"config.json", "generation_config.json", "preprocessor_config.json",
                             "chat_template.json"}) {
      fs::copy(demo / name, model_);
    }
    json config = read("config.json");
    config["text_config"].erase("rope_parameters");  // which go before rope_scaling
    config.erase("dtype");                           // before torch_dtype
    write("config.json", config);
    write("tokenizer_config.json", {{"eos_token", {{"content", "<|im_end|>"}}}});
  }
  json read(const std::string& name) const {
    if (!fs::exists(model_ / name)) return json::object();
    return json::parse(read_file(model_ / name, 10'000'000, ErrorCode::kFailed));
  }
  void write(const std::string& name, const json& value) const {
    fs::create_directories((model_ / name).parent_path());
    std::ofstream(model_ / name) << value;
  }

  /// `load` refuses each value of a wrong type. One of a right type may be out of its range.
  template <typename Load>
  void expect_types(const std::vector<Setting>& all, const Load& load) const {
    ASSERT_EQ(refusal(load), "");
    for (const auto& [file, key, types] : all) {
      const json before = read(file);
      const bool was_there = fs::exists(model_ / file);
      const auto refusal_with = [&](const json& value) {
        json changed = before;
        changed[json::json_pointer(key)] = value;
        write(file, changed);
        return refusal(load);
      };
      for (const Type type :
           {Type::kText, Type::kWhole, Type::kNumber, Type::kList, Type::kObject, Type::kBoolean}) {
        const std::string message = refusal_with(value_of(type));
        if (types.contains(type)) continue;
        SCOPED_TRACE(file + key + " = " + value_of(type).dump());
        const auto says = [&](const std::string& part) {
          return message.find(part) != std::string::npos;
        };
        EXPECT_TRUE(says((model_ / file).string() + ": ")) << message;
        EXPECT_TRUE(says(key.substr(key.rfind('/') + 1))) << message;
        const bool says_value = type == Type::kList     ? says("a list") || says("an object")
                                : type == Type::kObject ? says("an object")
                                                        : says(value_of(type).dump());
        EXPECT_TRUE(says_value) << message;
      }
      refusal_with(nullptr);
      write(file, before);
      if (!was_there) fs::remove(model_ / file);
    }
  }

  /// The error; empty if there is none. Exceptions other than Error end the test.
  template <typename Load>
  static std::string refusal(const Load& load) {
    try {
      load();
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadModel) << error.what();
      EXPECT_FALSE(error.hint().empty()) << error.what();
      return error.what();
    }
  }

  fs::path model_;
};

const std::set<Type> kWhole{Type::kWhole}, kNumber{Type::kWhole, Type::kNumber}, kText{Type::kText},
    kBoolean{Type::kBoolean}, kObject{Type::kObject};

TEST_F(SettingsTypesTest, WrongTypesInTheConfigOfQwen3VlAreNamed) {
  use_qwen3_vl();
  const std::string config = "config.json";
  std::vector<Setting> all;
  append(all, settings(config, "", {"image_token_id"}, kWhole));
  append(all, settings(config, "", {"tie_word_embeddings"}, kBoolean));
  append(all, settings(config, "", {"text_config", "vision_config"}, kObject));
  append(all, settings(config, "", {"model_type"}, kText));
  append(all, settings(config, "", {"dtype", "torch_dtype"}, {Type::kText, Type::kObject}));
  append(all, settings(config, "", {"quantization"}, kObject));
  append(all, settings(config, "/quantization", {"bits", "group_size"}, kWhole));
  append(all,
         settings(config, "/quantization", {"model.layers.0"}, {Type::kObject, Type::kBoolean}));
  append(all, settings(config, "", {"eos_token_id"}, kWhole));
  append(all, settings(config, "/text_config",
                       {"hidden_size", "intermediate_size", "num_hidden_layers",
                        "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
                        "max_position_embeddings", "eos_token_id"},
                       kWhole));
  append(all, settings(config, "/text_config", {"rms_norm_eps", "rope_theta"}, kNumber));
  append(all,
         settings(config, "/text_config", {"tie_word_embeddings", "attention_bias"}, kBoolean));
  append(all, settings(config, "/text_config", {"hidden_act"}, kText));
  append(all, settings(config, "/text_config", {"dtype"}, {Type::kText, Type::kObject}));
  append(all, settings(config, "/text_config", {"rope_scaling", "rope_parameters"}, kObject));
  append(all, settings(config, "/text_config/rope_scaling", {"rope_type", "type"}, kText));
  append(all, settings(config, "/text_config/rope_scaling", {"rope_theta"}, kNumber));
  append(all, settings(config, "/text_config/rope_scaling", {"mrope_section"}, {}));
  append(all, settings(config, "/vision_config",
                       {"hidden_size", "intermediate_size", "depth", "num_heads", "in_channels",
                        "patch_size", "temporal_patch_size", "spatial_merge_size",
                        "num_position_embeddings", "out_hidden_size"},
                       kWhole));
  append(all, settings(config, "/vision_config", {"rope_theta"}, kNumber));
  append(all, settings(config, "/vision_config", {"rope_parameters"}, kObject));
  append(all, settings(config, "/vision_config", {"hidden_act"}, kText));
  append(all, settings(config, "/vision_config", {"deepstack_visual_indexes"}, {}));
  expect_types(all, [&] {
    qwen3_vl::Config::load(model_);
    qwen3_vl::GenerationConfig::load(model_);
  });
}

TEST_F(SettingsTypesTest, WrongTypesInOtherFilesOfQwen3VlAreNamed) {
  use_qwen3_vl();
  std::vector<Setting> all;
  const std::string advice = "generation_config.json";
  append(all, settings(advice, "", {"eos_token_id", "top_k"}, kWhole));
  append(all, settings(advice, "", {"top_p", "repetition_penalty"}, kNumber));
  const std::string processor = "preprocessor_config.json";
  append(all, settings(processor, "",
                       {"patch_size", "temporal_patch_size", "merge_size", "min_pixels",
                        "max_pixels", "resample"},
                       kWhole));
  append(all, settings(processor, "", {"size"}, kObject));
  append(all, settings(processor, "/size", {"shortest_edge", "longest_edge"}, kWhole));
  append(all, settings(processor, "", {"image_mean", "image_std"}, {}));
  append(all, settings(processor, "", {"rescale_factor"}, kNumber));
  append(all, settings(processor, "", {"do_resize", "do_rescale", "do_normalize"}, kBoolean));
  append(all, settings("processor_config.json", "", {"image_processor"}, kObject));
  append(all, settings("tokenizer_config.json", "", {"eos_token"}, {Type::kText, Type::kObject}));
  append(all, settings("tokenizer_config.json", "/eos_token", {"content"}, kText));
  append(all, settings("chat_template.json", "", {"chat_template"}, {Type::kText, Type::kList}));
  expect_types(all, [&] {
    qwen3_vl::GenerationConfig::load(model_);
    qwen3_vl::ImageProcessorConfig::of_model(model_);
    text::chat_style_of(model_);
  });
}

TEST_F(SettingsTypesTest, WrongTypesInFilesOfAnEncoderAreNamed) {
  write("config.json", {{"model_type", "xlm-roberta"},
                        {"hidden_size", 128},
                        {"intermediate_size", 256},
                        {"num_hidden_layers", 2},
                        {"num_attention_heads", 4},
                        {"vocab_size", 1000},
                        {"max_position_embeddings", 514}});
  write("modules.json",
        {{{"idx", 0}, {"path", ""}, {"type", "sentence_transformers.models.Transformer"}},
         {{"idx", 1}, {"path", "1_Pooling"}, {"type", "sentence_transformers.models.Pooling"}},
         {{"idx", 2}, {"path", "2_Dense"}, {"type", "sentence_transformers.models.Dense"}}});
  write("1_Pooling/config.json", {{"pooling_mode_cls_token", true}});
  write("2_Dense/config.json", {{"in_features", 128}, {"out_features", 8}, {"bias", true}});
  const std::string config = "config.json";
  std::vector<Setting> all;
  append(all, settings(config, "", {"model_type", "hidden_act", "position_embedding_type"}, kText));
  append(all, settings(config, "", {"architectures"}, {}));
  append(all, settings(config, "", {"is_decoder", "add_cross_attention"}, kBoolean));
  append(all,
         settings(config, "",
                  {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                   "vocab_size", "max_position_embeddings", "type_vocab_size", "pad_token_id"},
                  kWhole));
  append(all, settings(config, "", {"layer_norm_eps"}, kNumber));
  append(all, settings(config, "", {"dtype", "torch_dtype"}, {Type::kText, Type::kObject}));
  append(all, settings("modules.json", "/1", {"path", "type"}, kText));
  const std::string pooling = "1_Pooling/config.json";
  append(all, settings(pooling, "", {"word_embedding_dimension", "embedding_dimension"}, kWhole));
  append(all, settings(pooling, "", {"include_prompt", "pooling_mode_mean_tokens"}, kBoolean));
  append(all, settings(pooling, "", {"pooling_mode"}, kText));
  const std::string dense = "2_Dense/config.json";
  append(all, settings(dense, "", {"in_features", "out_features"}, kWhole));
  append(all, settings(dense, "", {"bias", "use_residual"}, kBoolean));
  append(all, settings(dense, "", {"activation_function"}, {}));
  const std::string transformer = "sentence_bert_config.json";
  append(all, settings(transformer, "", {"max_seq_length"}, kWhole));
  append(all, settings(transformer, "", {"do_lower_case"}, kBoolean));
  const std::string prompts = "config_sentence_transformers.json";
  append(all, settings(prompts, "", {"model_type", "default_prompt_name"}, kText));
  append(all, settings("tokenizer_config.json", "", {"model_max_length"}, kNumber));
  expect_types(all, [&] { bge_m3::Config::load(model_); });
}

}  // namespace
}  // namespace oko::models
